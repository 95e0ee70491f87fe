"""Signatures that lie beside distributions: as an upload brings them, or not at all."""

from app.importing.candidate import NotTaken
from app.importing.folder import Found
from app.importing.source import Source
from app.python.form_fields import SIGNATURE_BYTES, GatheredFields, InvalidForm

_FIELD = "gpg_signature"


def read_signature(found: Found) -> bytes:
    """The signature in a file. Raises NotTaken where it is none."""
    if found.problem is not None:
        raise NotTaken(found.problem)
    if found.size > SIGNATURE_BYTES:
        raise NotTaken(f"a signature takes at most {SIGNATURE_BYTES:,} bytes")
    with Source(found) as source:
        return parse_signature(source.read_at(0, SIGNATURE_BYTES))


def parse_signature(data: bytes) -> bytes:
    """Bytes that are a signature by what a form takes for one. Raises NotTaken."""
    fields = GatheredFields()
    try:
        fields.add(_FIELD, data)
    except InvalidForm as error:
        raise _none() from error
    if _FIELD not in fields.texts:
        raise _none()
    return data


def _none() -> NotTaken:
    return NotTaken(
        "it is no detached signature in ASCII armour, from '-----BEGIN PGP SIGNATURE-----' to"
        " '-----END PGP SIGNATURE-----'"
    )
