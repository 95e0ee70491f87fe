"""What a person types into one field: a digest, coordinates, a Python release or project, or the
beginning of a name."""

from app.search.conditions import Digest, InvalidCondition, parse_name
from app.search.coordinates import (
    Coordinates,
    parse_artifact,
    parse_classifier,
    parse_extension,
    parse_group,
    parse_version,
)
from app.search.query import Query
from app.search.releases import told_release

MOST_CHARACTERS = 1_000
_MOST_PARTS = 5


def read_typed(text: str) -> Query:
    """The query that a text stands for; space around it does not count, and an empty one asks
    for all files.

    Coordinates are as Maven writes them: `g:a`, `g:a:v`, `g:a:e:v`, `g:a:e:c:v`. A group or an
    artifactId may be left out, as in `:a`. Four parts are not read as Gradle's
    `g:a:v:c`: nothing in them would tell the two apart.

    `NAME==VERSION` is a release of a Python project. What may be a project's name is that and the
    beginning of a file's name: either will do.

    Raises:
        InvalidCondition: nothing of all that.
    """
    if len(text) > MOST_CHARACTERS:
        raise InvalidCondition(f"takes at most {MOST_CHARACTERS} characters")
    text = text.strip()
    digest = Digest.told(text)
    if digest is not None:
        return Query(digest=digest)
    if ":" in text:
        return Query(coordinates=_coordinates(text.split(":")))
    release = told_release(text)
    if release is not None and release.version is not None:
        return Query(release=release)
    return Query(name=parse_name(text), or_release=release)


def _coordinates(parts: list[str]) -> Coordinates:
    if len(parts) > _MOST_PARTS:
        raise InvalidCondition("has at most five parts in coordinates, as in 'g:a:e:c:v'")
    (group, artifact, *more), version = parts, ""
    if more:
        *more, version = more
    if not (group or artifact):
        raise InvalidCondition("has a group or an artifactId in coordinates, as in 'g:a:v'")
    extension, classifier = (*more, "", "")[:2]
    return Coordinates(
        group=parse_group(group) if group else None,
        artifact=parse_artifact(artifact) if artifact else None,
        version=parse_version(version) if version else None,
        classifier=parse_classifier(classifier) if more else None,
        extension=parse_extension(extension) if extension else None,
    )
