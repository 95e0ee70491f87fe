"""The form that uploads a file, read as a stream.

The file goes from the connection through one small memory into the store's, whatever its size
and wherever in the form it stands: no part is held or spooled. Its end is told only after the
rest of the form was read and found right, so that whoever stores it can't complete the bytes of
a wrong form.

Falcon's own reader of forms takes none without a length, lets errors of decoding out, believes
the last of two values of a parameter, and makes new `bytes` of every piece: this one is over
half as fast again.
"""

import codecs
from collections.abc import Mapping
from typing import Protocol

from app.maven.paths import quoted
from app.python.form_fields import (
    FormFields,
    GatheredFields,
    InvalidForm,
    PartHead,
    field_bound,
    parse_boundary,
    parse_head,
)

__all__ = ["FormFields", "InvalidForm", "UploadForm"]

_UTF_8 = codecs.getincrementaldecoder("utf-8")

#: What is read at once. It stays in the processor's cache while a delimiter is sought in it.
MEMORY_BYTES = 64 * 1024
#: The headers of a part: one of about a hundred bytes is needed.
HEAD_BYTES = 8 * 1024
#: A project of a thousand requirements and classifiers is unheard of.
PARTS = 2_000
#: All but the content. A description, which is most of it, has seldom more than a megabyte.
FIELDS_BYTES = 16 * 1024 * 1024


class Body(Protocol):
    """What `middleware.body.Body` gives: `readinto` fills the view unless the body ends."""

    def readinto(self, view: memoryview, /) -> int: ...


class UploadForm:
    """A form and its content; for `app.publishing.receiving` a body of unknown length.

    One that raised an error is of no use afterwards. What the body raises goes through.
    """

    #: How long the content is nobody knows before its delimiter has come.
    length: int | None = None

    def __init__(self, content_type: str, body: Body) -> None:
        """Reads nothing yet. Raises InvalidForm: no multipart/form-data, or no boundary."""
        self._parts = _Parts(body, parse_boundary(content_type))
        self._gathered = GatheredFields()
        self._count = 0  # of parts
        self._bytes = 0  # of everything but the content
        self._at_content = False
        self._fields: FormFields | None = None

    @property
    def known(self) -> Mapping[str, str]:
        """The needed fields that have come until now, by the form's own names (`name`,
        `sha256_digest`), so that a file may be refused before it was sent. Each has been
        checked by itself; that all are there is known at the end alone."""
        return self._gathered.texts

    @property
    def fields(self) -> FormFields:
        """What the form says about its content. Only after `readinto` has come to the end."""
        if self._fields is None:
            raise ValueError("the form was not read to its end")
        return self._fields

    def open_content(self) -> str:
        """Read fields up to the content, and return the name of its file. To be called once.

        Raises:
            InvalidForm: something in the form up to there is wrong, or it has no content.
        """
        self._value(None)  # the preamble, which means nothing (RFC 2046 section 5.1.1)
        head = self._read_fields()
        if head is None:
            raise InvalidForm("the form has no part named 'content', which is the file")
        file_name = _file_name(head)
        self._at_content = True
        return file_name

    def readinto(self, view: memoryview, /) -> int:
        """Fill `view` with the next bytes of the content; fewer, down to 0, only at its end,
        and then the whole form has been read.

        Raises:
            InvalidForm: the form is wrong behind the content, or was cut short. The content
                must not be kept.
        """
        if self._fields is not None:
            return 0
        if not self._at_content:
            raise InvalidForm("the form is read no further: it is wrong, or was not opened")
        self._at_content = False  # unless all goes well
        filled = 0
        while filled < len(view):
            piece = self._parts.piece(len(view) - filled)
            if not piece:
                self._finish()
                return filled
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
        self._at_content = True
        return filled

    def _finish(self) -> None:
        if self._read_fields() is not None:
            raise InvalidForm("the form has two parts named 'content': an upload is of one file")
        while piece := self._parts.rest():
            self._count_bytes(piece)
        self._fields = self._gathered.finish()

    def _read_fields(self) -> PartHead | None:
        """Take fields up to a part named `content`; None at the closing delimiter."""
        while head := self._parts.next():
            self._count += 1
            if self._count > PARTS:
                raise InvalidForm(f"the form has more than {PARTS} parts")
            if head.name == "content":
                return head
            bound = field_bound(head.name)
            value = self._value(bound, text=bound is None)
            if bound is not None:
                if len(value) > bound:
                    raise InvalidForm(f"the field '{head.name}' has more than {bound} bytes")
                self._gathered.add(head.name, value)
        return None

    def _value(self, bound: int | None, *, text: bool = False) -> bytes:
        """Read a part to its end, or until it passes its bound; nothing is kept without one. Of
        what is not kept it is looked whether it is `text`."""
        value = bytearray()
        decoder = _UTF_8()
        while piece := self._parts.piece(MEMORY_BYTES):
            self._count_bytes(piece)
            if bound is not None:
                value += piece
                if len(value) > bound:
                    break
            elif text:
                _check_text(decoder, piece)
        if text:
            _check_text(decoder, b"", final=True)
        return bytes(value)

    def _count_bytes(self, piece: memoryview) -> None:
        self._bytes += len(piece)
        if self._bytes > FIELDS_BYTES:
            raise InvalidForm(f"the form has more than {FIELDS_BYTES} bytes beside its content")


def _check_text(
    decoder: codecs.IncrementalDecoder, piece: bytes | memoryview, *, final: bool = False
) -> None:
    """Look at some more of a field. Raises InvalidForm."""
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError as error:
        raise InvalidForm("a field of the form is no UTF-8") from error


def _file_name(head: PartHead) -> str:
    if head.file_name is None:
        raise InvalidForm("the part 'content' has no file name: send it as filename=\"...\"")
    if "/" in head.file_name or "\\" in head.file_name:
        raise InvalidForm(
            f"the part 'content' has the file name {quoted(head.file_name)}: it is a name alone,"
            " without folders"
        )
    return head.file_name


class _Parts:
    """The parts of a form (RFC 7578, RFC 2046 section 5.1), one after the other, by pieces.

    Of what lies in the memory, `start` to `safe` is known to be the part's own, and `safe` to
    `end` is not looked at yet, or begins with the delimiter where `delimited` says so.
    """

    def __init__(self, body: Body, boundary: bytes) -> None:
        self._body = body
        self._delimiter = b"\r\n--" + boundary
        self._memory = bytearray(MEMORY_BYTES)
        self._view = memoryview(self._memory)
        # The first delimiter may be without the line's end before it: here it always has one.
        self._memory[:2] = b"\r\n"
        self._start, self._safe, self._end = 0, 0, 2
        self._delimited = False

    def piece(self, most: int) -> memoryview:
        """The part's next bytes, up to `most`, and none at its end; of the preamble at first.
        They are there until the next call. Raises InvalidForm where the form ends before."""
        if self._start == self._safe and not self._delimited:
            self._seek()
        piece = self._view[self._start : min(self._start + most, self._safe)]
        self._start += len(piece)
        return piece

    def next(self) -> PartHead | None:
        """The head of the part behind one that was read to its end; None at the form's end."""
        self._start += len(self._delimiter)
        self._safe, self._delimited = self._start, False
        if self._closes():
            return None
        padding, *lines = self._head().split(b"\r\n")
        # What gateways may have added (section 5.1.1), and nothing else.
        if padding.strip(b" \t"):
            raise InvalidForm(f"a line of the form begins with {self._shown()} and goes on")
        return parse_head(lines)

    def rest(self) -> memoryview:
        """The next bytes behind the form, which mean nothing; none at the body's end."""
        if self._start == self._end:
            self._refill()
        piece = self._view[self._start : self._end]
        self._start = self._end
        return piece

    def _seek(self) -> None:
        """Read on until more of the part is known, or its delimiter found."""
        while True:
            position = self._memory.find(self._delimiter, self._start, self._end)
            if position >= 0:
                self._safe, self._delimited = position, True
                return
            # The last bytes may be the beginning of a delimiter.
            self._safe = max(self._start, self._end - len(self._delimiter) + 1)
            if self._safe > self._start:
                return
            self._read_more()

    def _closes(self) -> bool:
        while self._end - self._start < 2:
            self._read_more()
        return self._memory.startswith(b"--", self._start, self._end)

    def _head(self) -> bytes:
        """What stands between a delimiter and the empty line, which is taken too."""
        while True:
            most = min(self._end, self._start + HEAD_BYTES)
            position = self._memory.find(b"\r\n\r\n", self._start, most)
            if position >= 0:
                head = bytes(self._view[self._start : position])
                self._start = self._safe = position + 4
                return head
            if self._end - self._start >= HEAD_BYTES:
                raise InvalidForm(f"a part of the form has more than {HEAD_BYTES} bytes of headers")
            self._read_more()

    def _read_more(self) -> None:
        if not self._refill():
            raise InvalidForm(
                f"the form ends before its last line, {self._shown('--')}: it was cut short, or"
                " its lines do not end with CR and LF"
            )

    def _refill(self) -> int:
        """Move what is left to the front, and read behind it. How much came is returned."""
        left = self._end - self._start
        self._view[:left] = self._view[self._start : self._end]
        count = self._body.readinto(self._view[left:])
        self._start, self._safe, self._end = 0, 0, left + count
        return count

    def _shown(self, ending: str = "") -> str:
        return quoted(self._delimiter[2:].decode("ascii") + ending)
