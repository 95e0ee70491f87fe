"""The texts of an upload form: heads of parts, and the fields that are needed of them.

Twenty or more fields come with a file, most of them copies of its metadata, which is read from
the file itself. Kept are only those that say what the upload is; each is checked when it comes,
so that a wrong one is refused before the file behind it was sent.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from app.maven.paths import quoted
from app.repositories.refused import Refused

FIELD_BYTES = 64 * 1024
#: What Warehouse took of a signature, as long as it took any.
SIGNATURE_BYTES = 8 * 1024

_TEXTS = (
    *(":action", "protocol_version", "filetype", "pyversion"),
    *("metadata_version", "name", "version", "requires_python"),
)
_REQUIRED = (":action", "filetype", "name", "version")
_SIGNATURE = "gpg_signature"
#: Algorithm and hex digits of each digest.
_DIGESTS = {
    "md5_digest": ("md5", 32),
    "sha256_digest": ("sha256", 64),
    "blake2_256_digest": ("blake2b-256", 64),
}
_BOUNDS = {**dict.fromkeys((*_TEXTS, *_DIGESTS), FIELD_BYTES), _SIGNATURE: SIGNATURE_BYTES}

_ACTIONS = {
    "submit": "projects are not registered beforehand: upload a file with ':action' 'file_upload'",
    "verify": "there is nothing to verify beforehand: upload a file with ':action' 'file_upload'",
    "doc_upload": "documentation is not taken, files of releases are: ':action' 'file_upload'",
}

#: RFC 2046 section 5.1.1.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_PARAMETER = re.compile(
    r';[ \t]*([^\s;="]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))[ \t]*', re.DOTALL
)
_ESCAPED = re.compile(r'\\(["\\])')
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_HEX = re.compile(r"[0-9a-fA-F]+")
_MD5_BASE64 = re.compile(r"[0-9A-Za-z_-]{22}")


class InvalidForm(Refused):
    """No form, or none that uploads a file; the message says why."""


@dataclass(frozen=True, slots=True)
class PartHead:
    """What a part of a form says of itself. `file_name` is as it was sent, and may be none."""

    name: str
    file_name: str | None


@dataclass(frozen=True, slots=True)
class FormFields:
    """What a form says about the file that it brings; None is a field that was empty or absent.

    `digests` are pairs of an algorithm (`md5`, `sha256`, `blake2b-256`) and lower-case hex
    digits, at least one.
    """

    action: str
    filetype: str
    name: str
    version: str
    protocol_version: str | None
    pyversion: str | None
    metadata_version: str | None
    requires_python: str | None
    digests: tuple[tuple[str, str], ...]
    signature: bytes | None


class GatheredFields:
    """The needed fields of a form, as they come."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    @property
    def texts(self) -> Mapping[str, str]:
        """What has come until now, by the form's own names; a view, which grows."""
        return MappingProxyType(self._texts)

    def add(self, name: str, value: bytes) -> None:
        """Take the value of a field that `field_bound` knows. Raises InvalidForm."""
        text = _decoded(value, f"the field '{name}'")
        # distutils sends UNKNOWN for what it was not told; Warehouse takes it for nothing too.
        if text.strip() in ("", "UNKNOWN"):
            return
        if name == _SIGNATURE and text.endswith(".asc"):
            return  # PDM sends the name of the signature's file, and then what is in it
        if self._texts.setdefault(name, text) != text:
            raise InvalidForm(
                f"the field '{name}' comes twice, as {quoted(self._texts[name])} and as"
                f" {quoted(text)}: send it once"
            )
        _check(name, text)

    def finish(self) -> FormFields:
        """All of them, at the form's end. Raises InvalidForm where one is missing."""
        for name in _REQUIRED:
            if name not in self._texts:
                raise InvalidForm(f"the form has no field '{name}', or an empty one")
        digests = tuple(
            (algorithm, _digest(name, self._texts[name]))
            for name, (algorithm, _) in _DIGESTS.items()
            if name in self._texts
        )
        if not digests:
            raise InvalidForm(f"the form has no digest of the file: send one of {_names(_DIGESTS)}")
        signature = self._texts.get(_SIGNATURE)
        return FormFields(
            action=self._texts[":action"],
            filetype=self._texts["filetype"],
            name=self._texts["name"],
            version=self._texts["version"],
            protocol_version=self._texts.get("protocol_version"),
            pyversion=self._texts.get("pyversion"),
            metadata_version=self._texts.get("metadata_version"),
            requires_python=self._texts.get("requires_python"),
            digests=digests,
            signature=None if signature is None else signature.encode(),
        )


def field_bound(name: str) -> int | None:
    """How many bytes a field may have that is needed; None for every other one."""
    return _BOUNDS.get(name)


def parse_boundary(content_type: str) -> bytes:
    """The boundary that a form's Content-Type names. Raises InvalidForm."""
    media_type, parameters = _parameters(content_type, "the Content-Type")
    if media_type != "multipart/form-data":
        raise InvalidForm(
            "a file is uploaded as a form, with a Content-Type of multipart/form-data, and not"
            f" of {quoted(media_type)}"
        )
    boundary = parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise InvalidForm(
            f"the Content-Type's boundary is {quoted(boundary)}: it has 1 to 70 letters, digits"
            " and characters of '()+_,-./:=?"
        )
    return boundary.encode("ascii")


def parse_head(lines: Sequence[bytes]) -> PartHead:
    """What the header lines of a part say. Raises InvalidForm."""
    disposition: bytes | None = None
    for line in lines:
        header, colon, value = line.partition(b":")
        if not colon or not _HEADER_NAME.fullmatch(header):
            shown = quoted(line.decode("utf-8", "replace"))
            raise InvalidForm(f"a part of the form begins with {shown}, which is no header")
        match header.lower():
            case b"content-disposition" if disposition is not None:
                raise InvalidForm("a part of the form has two headers Content-Disposition")
            case b"content-disposition":
                disposition = value
            case b"content-transfer-encoding":
                _check_encoding(value)
    if disposition is None:
        raise InvalidForm("a part of the form has no header Content-Disposition")
    return _disposed(_decoded(disposition, "a part's Content-Disposition"))


def _disposed(text: str) -> PartHead:
    if _CONTROLS.search(text):
        raise InvalidForm(f"a part's Content-Disposition {quoted(text)} has control characters")
    kind, parameters = _parameters(text, "a part's Content-Disposition")
    if kind != "form-data":
        raise InvalidForm(f"a part's Content-Disposition is form-data, and not {quoted(kind)}")
    # `filename*` is not for forms (RFC 7578 section 4.2), and `name*` is nowhere: both are
    # read past, as every unknown parameter is.
    if not parameters.get("name"):
        raise InvalidForm(f"a part's Content-Disposition {quoted(text)} has no name")
    return PartHead(parameters["name"], parameters.get("filename") or None)


def _check_encoding(value: bytes) -> None:
    """Bytes are as they are: RFC 7578 section 4.7 leaves encoded ones to mail."""
    encoding = value.strip().lower()
    if encoding not in (b"binary", b"8bit", b"7bit"):
        shown = quoted(encoding.decode("utf-8", "replace"))
        raise InvalidForm(f"a part's Content-Transfer-Encoding is binary, and not {shown}")


def _parameters(text: str, what: str) -> tuple[str, dict[str, str]]:
    """A header's value, in lower case, and its parameters (RFC 2045 section 5.1).

    A backslash escapes a quote or another one, and is itself before anything else: clients
    exist that write a path of Windows as it is.
    """
    text = text.rstrip(" \t;")
    value, _, _ = text.partition(";")
    position = len(value)
    parameters: dict[str, str] = {}
    while position < len(text):
        parameter = _PARAMETER.match(text, position)
        if parameter is None:
            raise InvalidForm(f'{what} {quoted(text)} is not of the form value; name="value"')
        name, in_quotes, bare = parameter.groups()
        if name.lower() in parameters:
            raise InvalidForm(f"{what} {quoted(text)} has two values for {quoted(name)}")
        parameters[name.lower()] = bare if in_quotes is None else _ESCAPED.sub(r"\1", in_quotes)
        position = parameter.end()
    return value.strip().lower(), parameters


def _check(name: str, text: str) -> None:
    """Refuse a value that its field can't have, as far as it can be told from the value."""
    match name:
        case ":action" if text != "file_upload":
            reason = f"the field ':action' is 'file_upload', and not {quoted(text)}"
            raise InvalidForm(_ACTIONS.get(text, reason))
        case "protocol_version" if text != "1":
            raise InvalidForm(f"the field 'protocol_version' is '1', and not {quoted(text)}")
        case "gpg_signature":
            _check_armour(text)
        case _ if name in _DIGESTS:
            _digest(name, text)


def _check_armour(text: str) -> None:
    """RFC 9580 section 6.2."""
    begins = text.startswith("-----BEGIN PGP SIGNATURE-----")
    ends = text.rstrip().endswith("-----END PGP SIGNATURE-----")
    if not (begins and ends and text.isascii()):
        raise InvalidForm(
            "the field 'gpg_signature' is a detached signature in ASCII armour, from"
            " '-----BEGIN PGP SIGNATURE-----' to '-----END PGP SIGNATURE-----'"
        )


def _digest(name: str, text: str) -> str:
    """The digest in lower-case hex digits. Raises InvalidForm."""
    _, digits = _DIGESTS[name]
    if len(text) == digits and _HEX.fullmatch(text):
        return text.lower()
    if name == "md5_digest":
        # PyPI's description of its upload API asks for URL-safe base64 without padding.
        if _MD5_BASE64.fullmatch(text):
            return base64.urlsafe_b64decode(f"{text}==").hex()
        wanted = f"{digits} hex digits, or URL-safe base64 of 22 characters"
    else:
        wanted = f"{digits} hex digits"
    raise InvalidForm(f"the field '{name}' has {wanted}, and is {quoted(text)}")


def _decoded(value: bytes, what: str) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidForm(f"{what} is not in UTF-8, from its byte {error.start} on") from error


def _names(names: Mapping[str, object]) -> str:
    return ", ".join(f"'{name}'" for name in names)
