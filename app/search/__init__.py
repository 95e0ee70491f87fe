"""Search: files found by name, coordinates, project, digest, age and size, in what the caller may
read.

`query` says what is looked for and in which order of a repository, `typed` makes a query of what
a person types, `search` looks.
"""

from app.search.conditions import DIGITS, Digest, InvalidCondition, parse_name
from app.search.coordinates import (
    Coordinates,
    Part,
    parse_artifact,
    parse_classifier,
    parse_extension,
    parse_group,
    parse_version,
)
from app.search.query import Query
from app.search.releases import Release, parse_release_project, parse_release_version
from app.search.search import Found, Search
from app.search.typed import read_typed

__all__ = [
    "DIGITS",
    "Coordinates",
    "Digest",
    "Found",
    "InvalidCondition",
    "Part",
    "Query",
    "Release",
    "Search",
    "parse_artifact",
    "parse_classifier",
    "parse_extension",
    "parse_group",
    "parse_name",
    "parse_release_project",
    "parse_release_version",
    "parse_version",
    "read_typed",
]
