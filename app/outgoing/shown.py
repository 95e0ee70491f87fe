"""How texts from outside stand in messages, which are read on terminals."""

from app.maven.paths import shortened


def printable(text: str) -> str:
    """A text whose characters do nothing to a terminal, and that is proper UTF-8."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode()
        for one in text
    )


def quoted(text: str) -> str:
    """The same, shortened and in quotes."""
    return f"'{printable(shortened(text))}'"
