"""The links of a page in HTML, as a simple index has them (PEP 503), and what it says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser


class MalformedLinks(Exception):
    """A page that can't be read; the message says why, to be put behind its name."""


@dataclass(frozen=True, slots=True)
class Link:
    """An anchor: where it leads, what stands behind `#` there, and its attributes."""

    reference: str
    fragment: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Links:
    """The links of a page in their order, and what they are relative to where it says so.

    `meta` is what its head says, by names: the first of each.
    """

    base: str | None
    links: tuple[Link, ...]
    meta: Mapping[str, str]


def read_links(page: bytes) -> Links:
    """The links of a page.

    Raises:
        MalformedLinks: not in UTF-8, or cut short within a tag.
    """
    reader = _Reader()
    try:
        reader.feed(page.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MalformedLinks("is not in UTF-8") from error
    except AssertionError as error:  # what HTMLParser makes of some declarations
        raise MalformedLinks("is no HTML that can be read") from error
    # The parser is not closed: it would go over what is left once for each `<` in it, and text
    # of some megabytes that was made for that would take it days.
    if "<" in reader.rawdata:
        raise MalformedLinks("ends in the middle of a tag")
    return Links(reader.base, tuple(reader.links), reader.meta)


class _Reader(HTMLParser):
    """Takes notes of anchors, of the first base, and of what the head says."""

    def __init__(self) -> None:
        super().__init__()
        self.base: str | None = None
        self.links: list[Link] = []
        self.meta: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        # HTML leaves out white space around it, and tabs and line ends within.
        reference = attributes.get("href", "").strip(" \t\r\n\f").translate(_LEFT_OUT)
        if tag == "a" and reference:
            where, _, fragment = reference.partition("#")
            self.links.append(Link(where, fragment, attributes))
        elif tag == "base" and reference and self.base is None:
            self.base = reference
        elif tag == "meta" and "name" in attributes:
            self.meta.setdefault(attributes["name"], attributes.get("content", ""))


_LEFT_OUT = dict.fromkeys(map(ord, "\t\r\n"))
