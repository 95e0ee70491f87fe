"""Versions of resources as entity tags (RFC 7644, section 3.14), and the conditions on them.

They are weak: of what a resource shows the names of groups alone can change without it.
"""

from dataclasses import dataclass

from falcon import Request

from app.raw.conditions import InvalidCondition, entity_tags
from app.scim.errors import InvalidSyntax, VersionDiffers


@dataclass(frozen=True, slots=True)
class Condition:
    """Of what version a resource has to be for a change; None: of any."""

    tags: tuple[str, ...] | None = None

    def check(self, version: str) -> None:
        """Return if it holds of a resource of that version. Raises VersionDiffers."""
        if self.tags is not None and not _holds(self.tags, version):
            raise VersionDiffers(
                "this was changed since that version: read it again, and decide anew"
            )


ANY = Condition()


def version_tag(version: int) -> str:
    """The entity tag of a record's version."""
    return f'W/"{version}"'


def condition_of(req: Request) -> Condition:
    """What `If-Match` asks. Raises InvalidSyntax."""
    return Condition(_read("If-Match", req.get_header("If-Match")))


def condition_in(text: object) -> Condition:
    """What the `version` of an operation in bulk asks. Raises InvalidSyntax."""
    if text is None:
        return ANY
    if not isinstance(text, str):
        raise InvalidSyntax("'version' is text")
    return Condition(_read("version", text))


def is_known(req: Request, version: str) -> bool:
    """Whether the client has this version already (`If-None-Match`). Raises InvalidSyntax."""
    tags = _read("If-None-Match", req.get_header("If-None-Match"))
    return tags is not None and _holds(tags, version)


def _read(name: str, text: str | None) -> tuple[str, ...] | None:
    try:
        return entity_tags(name, text)
    except InvalidCondition as error:
        raise InvalidSyntax(f'{name} is * or a list of versions such as W/"7"') from error


def _holds(tags: tuple[str, ...], version: str) -> bool:
    """Compared as weak ones (RFC 9110, section 8.8.3.2)."""
    return tags == ("*",) or _bare(version) in map(_bare, tags)


def _bare(tag: str) -> str:
    return tag.removeprefix("W/")
