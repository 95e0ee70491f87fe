"""The links of a page in HTML, as a simple index has them (PEP 503), and what it says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser

#: What takes memory many times its own size is counted: a page of some KiB, packed, is of as
#: many MiB, and of links alone.
MOST_LINKS = 200_000
MOST_TAGS = 2_000_000  # of any kind, ends and comments too: they take time, and no memory
_MOST_META = 100
_TAG_CHARACTERS = 64 * 1024
#: What is read of a link beside where it leads.
_KEPT = frozenset(
    {
        "data-requires-python",
        "data-yanked",
        "data-core-metadata",
        "data-dist-info-metadata",
        "data-gpg-sig",
    }
)


class MalformedLinks(Exception):
    """A page that can't be read; the message says why, to be put behind its name."""


@dataclass(frozen=True, slots=True)
class Link:
    """An anchor: where it leads, what stands behind `#` there, and what its attributes say."""

    reference: str
    fragment: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Links:
    """The links of a page in their order, and what they are relative to where it says so.

    `meta` is what its head says, by names: the first of each, and of the first names.
    """

    base: str | None
    links: tuple[Link, ...]
    meta: Mapping[str, str]


def read_links(page: bytes) -> Links:
    """The links of a page.

    Raises:
        MalformedLinks: not in UTF-8, cut short within a tag, or too much of it.
    """
    if page.count(b"<") > MOST_TAGS:
        raise MalformedLinks(f"has more than {MOST_TAGS:,} tags")
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

    def parse_starttag(self, i: int) -> int:
        # Before its attributes are taken apart.
        if self.check_for_whole_start_tag(i) - i > _TAG_CHARACTERS:
            raise MalformedLinks(f"has a tag of more than {_TAG_CHARACTERS:,} characters")
        return super().parse_starttag(i)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        # HTML leaves out white space around it, and tabs and line ends within.
        reference = attributes.get("href", "").strip(" \t\r\n\f").translate(_LEFT_OUT)
        if tag == "a" and reference:
            if len(self.links) == MOST_LINKS:
                raise MalformedLinks(f"has more than {MOST_LINKS:,} links")
            where, _, fragment = reference.partition("#")
            kept = {name: text for name, text in attributes.items() if name in _KEPT}
            self.links.append(Link(where, fragment, kept))
        elif tag == "base" and reference and self.base is None:
            self.base = reference
        elif tag == "meta" and "name" in attributes and len(self.meta) < _MOST_META:
            self.meta.setdefault(attributes["name"], attributes.get("content", ""))


_LEFT_OUT = dict.fromkeys(map(ord, "\t\r\n"))
