"""The names of files in archives, as a message shows them."""

from app.maven.paths import SHOWN_CHARACTERS, quoted


def shown(name: bytes | str) -> str:
    """A name in quotes, shortened, with an escape for what is not ASCII or can't be printed."""
    text = name[: SHOWN_CHARACTERS + 1]
    if isinstance(text, bytes):
        text = text.decode("ascii", "backslashreplace")
    return quoted(ascii(text)[1:-1].replace("\\\\", "\\"))
