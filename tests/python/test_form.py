"""The upload form: read as a stream, in any order, and never taken for whole where it is not."""

import base64
import hashlib
import tracemalloc
from collections.abc import Iterator, Sequence
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import encode_multipart_formdata

from app.python.form import (
    FIELDS_BYTES,
    HEAD_BYTES,
    MEMORY_BYTES,
    PARTS,
    FormFields,
    InvalidForm,
    UploadForm,
)
from middleware.body import BodyError, BodyIncomplete, StreamBody

BOUNDARY = "0f3c58a5d4e943"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
FILE = "example-1.0.tar.gz"
CONTENT = b"the bytes of\r\na file"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ARMOUR = "-----BEGIN PGP SIGNATURE-----\n\niQEzBAAB\n=abcd\n-----END PGP SIGNATURE-----\n"

FIELDS = {
    ":action": "file_upload",
    "protocol_version": "1",
    "filetype": "sdist",
    "pyversion": "source",
    "metadata_version": "2.4",
    "name": "example",
    "version": "1.0",
    "requires_python": ">=3.11",
    "sha256_digest": SHA256,
}
READ = FormFields(
    action="file_upload",
    filetype="sdist",
    name="example",
    version="1.0",
    protocol_version="1",
    pyversion="source",
    metadata_version="2.4",
    requires_python=">=3.11",
    digests=(("sha256", SHA256),),
    signature=None,
)


class Pieces:
    """A body of many pieces, made when they are read."""

    length = None

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = filter(None, pieces)
        self._left = b""
        self.given = 0

    def readinto(self, view: memoryview, /) -> int:
        filled = 0
        while filled < len(view):
            self._left = self._left or next(self._pieces, b"")
            if not self._left:
                break
            count = min(len(view) - filled, len(self._left))
            view[filled : filled + count] = self._left[:count]
            self._left = self._left[count:]
            filled += count
        self.given += filled
        return filled


def _part(name: str, value: str | bytes, more: str = "", boundary: str = BOUNDARY) -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"


def _content(value: bytes = CONTENT, file_name: str = FILE) -> bytes:
    return _part("content", value, f'; filename="{file_name}"\r\nContent-Type: application/zip')


END = f"--{BOUNDARY}--\r\n".encode()


def _fields(**changed: str | None) -> bytes:
    """The parts of FIELDS, some of them changed, added or left out."""
    fields = {**FIELDS, **changed}
    return b"".join(_part(name, value) for name, value in fields.items() if value is not None)


def _open(form: bytes, content_type: str = TYPE) -> UploadForm:
    return UploadForm(content_type, Pieces(iter([form])))


def _drain(form: UploadForm, window: int = 4096) -> bytes:
    view = memoryview(bytearray(window))
    content = bytearray()
    while count := form.readinto(view):
        content += view[:count]
    return bytes(content)


def _read(data: bytes, content_type: str = TYPE) -> tuple[str, bytes, FormFields]:
    form = _open(data, content_type)
    return form.open_content(), _drain(form), form.fields


def _refused(data: bytes, content_type: str = TYPE) -> str:
    with pytest.raises(InvalidForm) as refusal:
        _read(data, content_type)
    return str(refusal.value)


def test_a_form_is_a_file_name_bytes_and_fields() -> None:
    assert _read(_fields() + _content() + END) == (FILE, CONTENT, READ)


@pytest.mark.parametrize("most", [0, 1, 2, 3])
def test_fields_may_come_before_and_after_the_file(most: int) -> None:
    names = list(FIELDS)
    before = b"".join(_part(name, FIELDS[name]) for name in names[:most])
    after = b"".join(_part(name, FIELDS[name]) for name in names[most:])
    form = _open(before + _content() + after + END)
    assert form.open_content() == FILE
    assert list(form.known) == names[:most]
    with pytest.raises(ValueError):
        _ = form.fields
    assert _drain(form) == CONTENT
    assert form.fields == READ


def test_the_end_of_the_content_is_told_after_the_whole_form_was_right() -> None:
    form = _open(_fields() + _content() + _part("version", "2.0") + END)
    form.open_content()
    for _ in range(2):
        with pytest.raises(InvalidForm):
            form.readinto(memoryview(bytearray(4096)))


def test_a_form_is_read_no_further_once_it_was_wrong() -> None:
    form = _open(_part(":action", "submit") + _content() + END)
    with pytest.raises(InvalidForm):
        form.open_content()
    with pytest.raises(InvalidForm, match="no further"):
        form.readinto(memoryview(bytearray(8)))


def test_an_empty_file_is_one() -> None:
    assert _read(_fields() + _content(b"") + END)[1] == b""


def test_an_empty_window_is_not_the_end() -> None:
    form = _open(_fields() + _content() + END)
    form.open_content()
    assert form.readinto(memoryview(b"")) == 0
    assert _drain(form) == CONTENT


def test_a_form_of_urllib3_is_read_as_of_twine_and_poetry() -> None:
    fields = [*FIELDS.items(), ("content", (FILE, CONTENT, "application/octet-stream"))]
    data, content_type = encode_multipart_formdata(fields)
    assert _read(data, content_type) == (FILE, CONTENT, READ)


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/form-data; boundary="0f3c58a5d4e943"',
        "Multipart/Form-Data;charset=utf-8; BOUNDARY=0f3c58a5d4e943;",
    ],
)
def test_a_boundary_may_be_written_in_many_ways(content_type: str) -> None:
    assert _read(_fields() + _content() + END, content_type) == (FILE, CONTENT, READ)


@pytest.mark.parametrize("boundary", ["x", "x" * 70, "=_:/?.,+()'-", "a b", "--", "--x"])
def test_any_boundary_of_the_rfc_is_found(boundary: str) -> None:
    content = b"--" + boundary.encode()[:-1] + b"\r\n--" + boundary.encode()[:-1] + b"\r"
    parts = [_part(name, value, "", boundary) for name, value in FIELDS.items()]
    parts.append(_part("content", content, f'; filename="{FILE}"', boundary))
    data = b"".join(parts) + f"--{boundary}--".encode()
    content_type = f'multipart/form-data; boundary="{boundary}"'
    assert _read(data, content_type) == (FILE, content, READ)


@pytest.mark.parametrize(
    "content_type, reason",
    [
        ("", "multipart/form-data, and not of ''"),
        ("application/octet-stream", "not of 'application/octet-stream'"),
        ("application/x-www-form-urlencoded", "a Content-Type of multipart/form-data"),
        ("multipart/mixed; boundary=x", "not of 'multipart/mixed'"),
        ("multipart/form-data", "boundary is ''"),
        ("multipart/form-data; boundary=", "boundary is ''"),
        ('multipart/form-data; boundary="x "', "boundary is 'x '"),
        ("multipart/form-data; boundary=" + "x" * 71, "1 to 70"),
        ("multipart/form-data; boundary=\xfc", "boundary is 'ü'"),
        ("multipart/form-data; boundary=x; boundary=y", "two values for 'boundary'"),
        ('multipart/form-data; boundary="x', "is not of the form"),
        ('multipart/form-data; boundary="x\\y"', "boundary is 'x\\y'"),
        ("multipart/form-data; boundary", "is not of the form"),
    ],
)
def test_what_is_no_form_is_refused_before_it_is_read(content_type: str, reason: str) -> None:
    with pytest.raises(InvalidForm) as refusal:
        _open(b"", content_type)
    assert reason in str(refusal.value)


def test_what_stands_around_the_parts_means_nothing() -> None:
    form = b"a preamble\r\n" + _fields() + _content() + END + b"and an epilogue"
    assert _read(form) == (FILE, CONTENT, READ)
    assert _read(b"\r\n" + _fields() + _content() + END) == (FILE, CONTENT, READ)
    padded = (_fields() + _content() + END).replace(BOUNDARY.encode(), BOUNDARY.encode() + b" \t")
    assert _read(padded.replace(b" \t--", b"--")) == (FILE, CONTENT, READ)


def test_fields_that_nobody_needs_are_read_past() -> None:
    others = [_part("classifiers", f"Topic :: {number}") for number in range(500)]
    others += [_part("description", "\u00e4\r\n\r\n" * 100_000), _part("attestations", "[]")]
    assert _read(_fields() + b"".join(others) + _content() + END) == (FILE, CONTENT, READ)


@pytest.mark.parametrize("value", [b"\xff", b"x" * 70_000 + b"\xc3", b"\xc3(", b"\xed\xa0\x80"])
def test_a_field_that_nobody_needs_is_text_all_the_same(value: bytes) -> None:
    with pytest.raises(InvalidForm, match="UTF-8"):
        _read(_fields() + _part("summary", value) + _content() + END)


def test_an_empty_field_is_an_absent_one() -> None:
    form = _fields(requires_python="", pyversion="UNKNOWN", md5_digest="") + _content() + END
    fields = _read(form)[2]
    assert (fields.requires_python, fields.pyversion) == (None, None)
    assert fields.digests == (("sha256", SHA256),)


def test_the_same_value_twice_is_that_value() -> None:
    assert _read(_fields() + _fields() + _content() + END) == (FILE, CONTENT, READ)


def test_a_signature_is_kept_as_it_is() -> None:
    part = _part("gpg_signature", ARMOUR, '; filename="example-1.0.tar.gz.asc"')
    assert _read(_fields() + _content() + part + END)[2].signature == ARMOUR.encode()


_MD5 = hashlib.md5(CONTENT)
_MD5_BASE64 = base64.urlsafe_b64encode(_MD5.digest()).decode().rstrip("=")


@pytest.mark.parametrize(
    "field, value, digest",
    [
        ("md5_digest", _MD5.hexdigest(), ("md5", _MD5.hexdigest())),
        ("md5_digest", _MD5.hexdigest().upper(), ("md5", _MD5.hexdigest())),
        ("md5_digest", _MD5_BASE64, ("md5", _MD5.hexdigest())),
        ("md5_digest", "_-_-" * 5 + "_w", ("md5", "ffeffe" * 5 + "ff")),
        ("sha256_digest", SHA256.upper(), ("sha256", SHA256)),
        ("blake2_256_digest", "0aF" * 21 + "b", ("blake2b-256", "0af" * 21 + "b")),
    ],
)
def test_one_digest_of_any_kind_is_enough(field: str, value: str, digest: tuple[str, str]) -> None:
    form = _fields(**{"sha256_digest": None, field: value}) + _content() + END
    assert _read(form)[2].digests == (digest,)


def test_all_digests_are_given() -> None:
    form = _fields(md5_digest="0" * 32, blake2_256_digest="1" * 64) + _content() + END
    assert _read(form)[2].digests == (
        ("md5", "0" * 32),
        ("sha256", SHA256),
        ("blake2b-256", "1" * 64),
    )


@pytest.mark.parametrize(
    "field, value, reason",
    [
        (":action", None, "no field ':action'"),
        (":action", "submit", "not registered beforehand"),
        (":action", "verify", "nothing to verify"),
        (":action", "doc_upload", "documentation is not taken"),
        (":action", "remove_pkg", "'file_upload', and not 'remove_pkg'"),
        ("protocol_version", "2", "'1', and not '2'"),
        ("name", None, "no field 'name'"),
        ("name", "", "no field 'name', or an empty one"),
        ("version", None, "no field 'version'"),
        ("filetype", None, "no field 'filetype'"),
        ("sha256_digest", None, "one of 'md5_digest', 'sha256_digest', 'blake2_256_digest'"),
        ("sha256_digest", "0" * 63, "has 64 hex digits, and is '000"),
        ("sha256_digest", "g" * 64, "has 64 hex digits"),
        ("sha256_digest", f"{'0' * 64}\n", "has 64 hex digits"),
        ("sha256_digest", "٣" * 64, "has 64 hex digits"),
        ("blake2_256_digest", "0" * 128, "has 64 hex digits"),
        ("md5_digest", "0" * 31, "32 hex digits, or URL-safe base64 of 22 characters"),
        ("md5_digest", "+" * 22, "URL-safe"),
        ("md5_digest", _MD5_BASE64 + "==", "URL-safe"),
        ("gpg_signature", "iQEzBAAB", "in ASCII armour"),
        ("gpg_signature", ARMOUR[:-5], "in ASCII armour"),
        ("gpg_signature", ARMOUR.replace("iQ", "ü"), "in ASCII armour"),
        ("gpg_signature", ARMOUR.replace("iQ", "iQ" * 4096), "more than 8192 bytes"),
        ("requires_python", ">=3" * 30_000, "'requires_python' has more than 65536 bytes"),
    ],
)
def test_a_wrong_field_is_refused_with_its_reason(
    field: str, value: str | None, reason: str
) -> None:
    fields = _fields(**{field: value})
    assert reason in _refused(fields + _content() + END)
    assert reason in _refused(_content() + fields + END)


def test_a_wrong_field_is_refused_before_the_file_was_sent() -> None:
    for wrong in ({":action": "submit"}, {"protocol_version": "3"}, {"sha256_digest": "x"}):
        with pytest.raises(InvalidForm):
            _open(_fields(**wrong) + _content() + END).open_content()


@pytest.mark.parametrize(
    "part, reason",
    [
        (_part("name", "other"), "'name' comes twice, as 'example' and as 'other'"),
        (_part("name", b"ex\xff"), "'name' is not in UTF-8, from its byte 2 on"),
        (b'--%s\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n\r\n', "not in UTF-8"),
        (b"--%s\r\nContent-Disposition: form-data\r\n\r\n\r\n", "has no name"),
        (b'--%s\r\nContent-Disposition: form-data; name=""\r\n\r\n\r\n', "has no name"),
        (b"--%s\r\nContent-Disposition: form-data; name*=utf-8''x\r\n\r\n\r\n", "has no name"),
        (b"--%s\r\nContent-Disposition: form-data; name=x; name=y\r\n\r\n\r\n", "two values"),
        (b"--%s\r\nContent-Disposition: form-data; name=x y\r\n\r\n\r\n", "not of the form"),
        (b'--%s\r\nContent-Disposition: form-data; name="x\r\n\r\n\r\n', "not of the form"),
        (b'--%s\r\nContent-Disposition: form-data; name="x\ny"\r\n\r\n\r\n', "control"),
        (b'--%s\r\nContent-Disposition: file; name="x"\r\n\r\n\r\n', "not 'file'"),
        (b"--%s\r\nContent-Type: text/plain\r\n\r\n\r\n", "no header Content-Disposition"),
        (b"--%s\r\n\r\n\r\n", "no header Content-Disposition"),
        (b"--%s\r\nnonsense\r\n\r\n\r\n", "'nonsense', which is no header"),
        (b"--%s\r\nContent-Disposition: form-data;\r\n name=x\r\n\r\n\r\n", "is no header"),
        (_part("x", "", "\r\ncontent-disposition: form-data; name=y"), "two headers"),
        (_part("x", "", "\r\nContent-Transfer-Encoding: BASE64"), "binary, and not 'base64'"),
        (b"--%sx\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n", "and goes on"),
        (b"--%s\r\nX: " + b"x" * HEAD_BYTES, "more than 8192 bytes of headers"),
        (_content(b"other"), "two parts named 'content'"),
    ],
)
def test_a_wrong_part_is_refused_wherever_it_stands(part: bytes, reason: str) -> None:
    part = part.replace(b"--%s", f"--{BOUNDARY}".encode())
    assert reason in _refused(_fields() + _content() + part + END)
    if b"content" not in part:
        assert reason in _refused(_fields() + part + _content() + END)


def test_a_transfer_encoding_that_changes_nothing_is_taken() -> None:
    part = _part("content", CONTENT, f'; filename="{FILE}"\r\nContent-Transfer-Encoding: Binary')
    assert _read(_fields() + part + END) == (FILE, CONTENT, READ)


@pytest.mark.parametrize(
    "more, name",
    [
        ('; filename="a-1.whl"', "a-1.whl"),
        ("; filename=a-1+cpu.whl", "a-1+cpu.whl"),
        ('; FileName="a \\"b\\".whl"', 'a "b".whl'),
        ('; filename="ä;b=c.whl"', "ä;b=c.whl"),
        ("; filename=\"a.whl\"; filename*=UTF-8''b.whl", "a.whl"),
        ('; filename="=?utf-8?q?a?="', "=?utf-8?q?a?="),
    ],
)
def test_the_file_name_is_the_contents_own(more: str, name: str) -> None:
    assert _open(_part("content", b"", more) + END).open_content() == name


@pytest.mark.parametrize(
    "more, reason",
    [
        ("", "no file name"),
        ('; filename=""', "no file name"),
        ("; filename*=UTF-8''a.whl", "no file name"),
        ('; filename="../a.whl"', "'../a.whl': it is a name alone"),
        ('; filename="C:\\dist\\a.whl"', "'C:\\dist\\a.whl': it is a name alone"),
        ('; filename="dist\\\\a.whl"', "'dist\\a.whl': it is a name alone"),
        ('; filename="a.whl"; filename="b.whl"', "two values for 'filename'"),
    ],
)
def test_a_file_without_a_plain_name_is_refused(more: str, reason: str) -> None:
    with pytest.raises(InvalidForm) as refusal:
        _open(_part("content", b"", more) + END).open_content()
    assert reason in str(refusal.value)


def test_a_form_without_a_file_is_refused_at_its_end() -> None:
    with pytest.raises(InvalidForm, match="no part named 'content'"):
        _open(_fields() + END).open_content()
    assert "no part named 'content'" in _refused(END)


@pytest.mark.parametrize(
    "form", [b"", b"nonsense", (_fields() + _content() + END).replace(b"\r\n", b"\n")]
)
def test_a_form_without_its_last_line_is_refused(form: bytes) -> None:
    assert f"before its last line, '--{BOUNDARY}--'" in _refused(form)


def test_a_refusal_shows_no_more_than_a_hundred_characters_of_what_was_sent() -> None:
    long = "x" * 5_000
    for field in (":action", "protocol_version", "sha256_digest", "md5_digest"):
        assert len(_refused(_fields(**{field: long}) + _content() + END)) < 300
    assert len(_refused(_fields() + _content(file_name=f"{long}/") + END)) < 300
    assert len(_refused(_fields() + _part("name", long) + END)) < 300
    assert len(_refused(b"", f"multipart/form-data; boundary={long}")) < 300
    assert len(_refused(b"", long)) < 300


def test_a_hundred_thousand_fields_are_refused_when_the_bound_is_passed() -> None:
    part = _part("classifiers", "x")
    for before in (b"", _fields() + _content()):
        body = Pieces(chain([before], repeat(part, 100_000), [END]))
        form = UploadForm(TYPE, body)
        with pytest.raises(InvalidForm, match=f"more than {PARTS} parts"):
            form.open_content()
            _drain(form)
        assert body.given <= len(before) + PARTS * len(part) + 2 * MEMORY_BYTES


@pytest.mark.parametrize(
    "before, after",
    [
        (b"", b""),
        (_fields() + _part("description", "")[:-2], b""),
        (_fields() + _content() + _part("description", "")[:-2], b"\r\n" + END),
        (_fields() + _content() + END, b""),
    ],
)
def test_what_is_read_past_is_bounded_in_sum_wherever_it_stands(
    before: bytes, after: bytes
) -> None:
    body = Pieces(chain([before], repeat(b"x" * 65536, 2 * FIELDS_BYTES // 65536), [after]))
    form = UploadForm(TYPE, body)
    with pytest.raises(InvalidForm, match="bytes beside its content"):
        form.open_content()
        _drain(form)
    assert body.given <= FIELDS_BYTES + len(before) + 2 * MEMORY_BYTES


def test_nothing_larger_than_the_window_and_a_bound_is_held() -> None:
    size, piece = 64 * 1024 * 1024, bytes(range(256)) * 256
    before = _fields() + _content(b"")[: -len("\r\n")]
    pieces = chain([before], repeat(piece, size // len(piece)), [b"\r\n", _fields(), END])
    window = memoryview(bytearray(1024 * 1024))
    tracemalloc.start()
    try:
        form = UploadForm(TYPE, Pieces(pieces))
        form.open_content()
        total = 0
        while count := form.readinto(window):
            total += count
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == size
    assert form.fields == READ
    assert peak < 8 * MEMORY_BYTES


_DELIMITER = f"\r\n--{BOUNDARY}".encode()
#: What looks like the beginning of a delimiter, and is none.
_pieces = st.integers(0, len(_DELIMITER) - 1).map(lambda count: _DELIMITER[:count])
_contents = st.lists(
    _pieces | st.sampled_from([b"\r", b"\n", b"-", b"x" * 100]) | st.binary(max_size=40),
    max_size=12,
).map(b"".join)
_windows = st.integers(1, 64) | st.sampled_from([4096, MEMORY_BYTES, 2 * MEMORY_BYTES])


def _is_free(content: bytes) -> bool:
    return _DELIMITER not in b"\r\n" + content


def _cut(form: bytes, cuts: Sequence[int]) -> StreamBody:
    """A body that gives the form in pieces, whose lengths are given over and over."""
    position, lengths = 0, iter(cuts)

    def read(wanted: int) -> bytes:
        nonlocal position, lengths
        count = next(lengths, 0)
        if not count:
            lengths = iter(cuts)
            count = next(lengths)
        piece = form[position : position + min(count, wanted)]
        position += len(piece)
        return piece

    return StreamBody(read, None)


@given(
    st.permutations([*FIELDS, "content", "description", "classifiers", "description"]),
    _contents.filter(_is_free),
    st.lists(st.integers(1, 5_000), min_size=1, max_size=8),
    _windows,
)
def test_order_and_pieces_change_nothing(
    names: list[str], content: bytes, cuts: list[int], window: int
) -> None:
    parts = [
        _content(content) if name == "content" else _part(name, FIELDS.get(name, "of no use"))
        for name in names
    ]
    form = UploadForm(TYPE, _cut(b"".join(parts) + END, cuts))
    assert form.open_content() == FILE
    assert _drain(form, window) == content
    assert form.fields == READ


@pytest.mark.parametrize("count", range(1, len(_DELIMITER)))
def test_pieces_of_a_delimiter_are_content_at_every_offset_of_the_memory(count: int) -> None:
    """The piece lies across the memory's end, at each of its own bytes, and the content ends
    with one more."""
    piece = _DELIMITER[:count]
    before = _fields() + _content(b"")[: -len("\r\n")]
    for offset in range(-count - 1, 2):
        content = bytes(MEMORY_BYTES - len(before) - len("\r\n") + offset) + piece + b"x" + piece
        form = _open(before + content + b"\r\n" + END)
        form.open_content()
        assert _drain(form, MEMORY_BYTES) == content


def test_a_delimiter_is_found_at_every_offset_of_the_memory() -> None:
    before = _fields() + _content(b"")[: -len("\r\n")]
    for offset in range(-len(_DELIMITER) - 200, 3):  # the next part's head lies across it too
        content = bytes(MEMORY_BYTES - len(before) - len("\r\n") + offset)
        for after in (END, _part("description", "of no use") + END):
            form = _open(before + content + b"\r\n" + after)
            form.open_content()
            assert _drain(form, MEMORY_BYTES) == content


@pytest.mark.parametrize("window", range(1, 3 * len(_DELIMITER)))
def test_pieces_of_a_delimiter_are_content_in_every_window(window: int) -> None:
    content = b"".join(_DELIMITER[:count] for count in range(len(_DELIMITER)))
    form = _open(_fields() + _content(content) + END)
    form.open_content()
    assert _drain(form, window) == content


def _whole(form: UploadForm) -> None:
    form.open_content()
    _drain(form, 97)


@given(_contents.filter(_is_free), st.data())
def test_a_form_cut_short_is_never_whole(content: bytes, data: st.DataObject) -> None:
    fields = [*FIELDS, "description"]
    split = data.draw(st.integers(0, len(fields)))
    parts = [_part(name, FIELDS.get(name, "of no use")) for name in fields]
    parts.insert(split, _content(content))
    whole = b"".join(parts) + END.rstrip()  # what follows that means nothing
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(InvalidForm):
        _whole(_open(whole[:cut]))
    source = iter([whole[:cut]])
    with pytest.raises((InvalidForm, BodyIncomplete)):
        _whole(UploadForm(TYPE, StreamBody(lambda _: next(source, b""), len(whole))))


def test_a_form_cut_anywhere_is_never_whole() -> None:
    whole = _fields() + _content() + _part("description", "x") + END.rstrip()
    for cut in range(len(whole)):
        with pytest.raises(InvalidForm):
            _whole(_open(whole[:cut]))


def test_a_body_that_ends_too_early_behind_the_form_is_an_error_too() -> None:
    whole = _fields() + _content() + END
    source = iter([whole])
    form = UploadForm(TYPE, StreamBody(lambda _: next(source, b""), len(whole) + 1))
    with pytest.raises(BodyIncomplete):
        _whole(form)


_texts = st.sampled_from(
    [
        *(_DELIMITER, b"--", b"\r\n", b"\r\n\r\n", b"Content-Disposition: form-data", b";"),
        *(b' name="content"', b' filename="a"', b" name=", b"name", b":action", b'"', b"\\"),
        *(_content(), _fields(), END, b"\xff", b"\0"),
    ]
)


@given(st.lists(_texts | st.binary(max_size=20), max_size=20).map(b"".join))
def test_any_bytes_are_a_form_or_refused(data: bytes) -> None:
    form = _open(data)
    try:
        _whole(form)
    except (InvalidForm, BodyError):
        return
    assert form.fields.action == "file_upload"


@given(st.text(max_size=60) | st.text(max_size=40).map("multipart/form-data;{}".format))
def test_any_content_type_is_taken_or_refused(content_type: str) -> None:
    try:
        UploadForm(content_type, Pieces(iter([])))
    except InvalidForm:
        return
    assert "boundary" in content_type.lower()
