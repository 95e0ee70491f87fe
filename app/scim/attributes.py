"""What a SCIM schema says of attributes (RFC 7643, sections 2.2 and 7), as frozen values."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The type of a value (RFC 7643, section 2.3)."""

    STRING = "string"
    BOOLEAN = "boolean"
    DECIMAL = "decimal"
    INTEGER = "integer"
    DATE_TIME = "dateTime"
    REFERENCE = "reference"
    BINARY = "binary"
    COMPLEX = "complex"


class Mutability(StrEnum):
    """When a value may be given."""

    READ_ONLY = "readOnly"
    READ_WRITE = "readWrite"
    IMMUTABLE = "immutable"
    WRITE_ONLY = "writeOnly"


class Returned(StrEnum):
    """When a value is shown."""

    ALWAYS = "always"
    NEVER = "never"
    DEFAULT = "default"
    REQUEST = "request"


class Uniqueness(StrEnum):
    """Among what a value is unique."""

    NONE = "none"
    SERVER = "server"
    GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute, or one part of a complex one.

    `case_exact` holds for text alone; `canonical` are values that are suggested, `references`
    what a reference may lead to; `parts` are those of a complex attribute. One that is required
    and `defaulted` is always there, but a message may leave it out. Names are compared without
    regard to case (RFC 7643, section 2.1).
    """

    name: str
    description: str
    kind: Kind = Kind.STRING
    multi_valued: bool = False
    required: bool = False
    case_exact: bool = False
    mutability: Mutability = Mutability.READ_WRITE
    returned: Returned = Returned.DEFAULT
    uniqueness: Uniqueness = Uniqueness.NONE
    canonical: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    parts: tuple["Attribute", ...] = ()
    defaulted: bool = False

    def part(self, name: str) -> "Attribute | None":
        """The part of that name, in whatever case."""
        return find(self.parts, name)


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema: `id` is its URN, compared without regard to case."""

    id: str
    name: str
    description: str
    attributes: tuple[Attribute, ...]

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name, in whatever case."""
        return find(self.attributes, name)


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind of resource, with the schemas that make it up; `common` are the attributes that
    every resource has (RFC 7643, section 3.1), which no schema lists."""

    name: str
    endpoint: str
    description: str
    schema: Schema
    extensions: tuple[Schema, ...]
    common: tuple[Attribute, ...]

    def extension(self, urn: str) -> Schema | None:
        """The extension with that URN, in whatever case."""
        wanted = urn.lower()
        return next((one for one in self.extensions if one.id.lower() == wanted), None)

    def attribute(self, name: str, schema: str | None = None) -> Attribute | None:
        """The attribute of that name: of the core where `schema` is None or its URN, else of the
        extension with that URN."""
        if schema is None or schema.lower() == self.schema.id.lower():
            return find(self.common, name) or self.schema.attribute(name)
        extension = self.extension(schema)
        return None if extension is None else extension.attribute(name)


def find(attributes: tuple[Attribute, ...], name: str) -> Attribute | None:
    """The attribute of that name among some, in whatever case."""
    wanted = name.lower()
    return next((one for one in attributes if one.name.lower() == wanted), None)
