"""The schemas of what describes the service (RFC 7643, sections 5 to 7 and 8.7.2): all of it is
read-only."""

from collections.abc import Iterable

from app.scim.attributes import (
    Attribute,
    Kind,
    Mutability,
    Returned,
    Schema,
    Uniqueness,
)


def _text(
    name: str, description: str, *, required: bool = False, canonical: Iterable[str] = ()
) -> Attribute:
    return Attribute(
        name,
        description,
        required=required,
        case_exact=True,
        mutability=Mutability.READ_ONLY,
        canonical=tuple(canonical),
    )


def _flag(name: str, description: str) -> Attribute:
    return Attribute(
        name, description, Kind.BOOLEAN, required=True, mutability=Mutability.READ_ONLY
    )


def _number(name: str, description: str) -> Attribute:
    return Attribute(
        name, description, Kind.INTEGER, required=True, mutability=Mutability.READ_ONLY
    )


def _address(name: str, description: str, to: str, *, required: bool = False) -> Attribute:
    return Attribute(
        name,
        description,
        Kind.REFERENCE,
        required=required,
        case_exact=True,
        mutability=Mutability.READ_ONLY,
        references=(to,),
    )


def _object(
    name: str, description: str, *parts: Attribute, several: bool = False, required: bool = True
) -> Attribute:
    return Attribute(
        name,
        description,
        Kind.COMPLEX,
        multi_valued=several,
        required=required,
        mutability=Mutability.READ_ONLY,
        parts=parts,
    )


_SUPPORTED = _flag("supported", "Whether the service does it.")

SERVICE_PROVIDER_CONFIG_SCHEMA = Schema(
    "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
    "ServiceProviderConfig",
    "What of the protocol the service does, and within which bounds.",
    (
        _address("documentationUri", "Where people read about the service.", "external"),
        _object("patch", "PATCH.", _SUPPORTED),
        _object(
            "bulk",
            "Several operations in one request.",
            _SUPPORTED,
            _number("maxOperations", "The most operations that one request may hold."),
            _number("maxPayloadSize", "The most bytes that one request may have."),
        ),
        _object(
            "filter",
            "Lists by a filter.",
            _SUPPORTED,
            _number("maxResults", "The most resources that one answer holds."),
        ),
        _object("changePassword", "Passwords that are given by the provider.", _SUPPORTED),
        _object("sort", "Lists in an order that the client chooses.", _SUPPORTED),
        _object("etag", "Versions of resources, and conditions on them.", _SUPPORTED),
        _object(
            "authenticationSchemes",
            "How a client proves who it is.",
            _text(
                "type",
                "The scheme.",
                required=True,
                canonical=("oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"),
            ),
            _text("name", "The scheme's name for people.", required=True),
            _text("description", "What the scheme is.", required=True),
            _address("specUri", "Where the scheme is specified.", "external"),
            _address("documentationUri", "Where people read how to use it.", "external"),
            Attribute(
                "primary",
                "Whether this is the preferred one.",
                Kind.BOOLEAN,
                mutability=Mutability.READ_ONLY,
            ),
            several=True,
        ),
    ),
)

RESOURCE_TYPE_SCHEMA = Schema(
    "urn:ietf:params:scim:schemas:core:2.0:ResourceType",
    "ResourceType",
    "A kind of resource, and the schemas that make it up.",
    (
        _text("id", "The kind's id, the same as its name."),
        _text("name", "The kind's name.", required=True),
        _text("description", "What the kind is."),
        _address("endpoint", "Where its resources are, from the base on.", "uri", required=True),
        _address("schema", "The URN of its schema.", "uri", required=True),
        _object(
            "schemaExtensions",
            "Schemas that add to it.",
            _address("schema", "The URN of the schema.", "uri", required=True),
            _flag("required", "Whether every resource of the kind has to have it."),
            several=True,
            required=False,
        ),
    ),
)

_KIND, _MUTABILITY, _RETURNED, _UNIQUENESS = (
    [one.value for one in words] for words in (Kind, Mutability, Returned, Uniqueness)
)
_ABOUT_ATTRIBUTES = (
    _text("name", "The attribute's name.", required=True),
    _text("type", "What its values are.", required=True, canonical=_KIND),
    _flag("multiValued", "Whether it has several values."),
    _text("description", "What it is."),
    _flag("required", "Whether a resource has to have it."),
    Attribute(
        "canonicalValues",
        "Values that are suggested.",
        multi_valued=True,
        case_exact=True,
        mutability=Mutability.READ_ONLY,
    ),
    Attribute(
        "caseExact",
        "Whether case makes a difference in its values.",
        Kind.BOOLEAN,
        mutability=Mutability.READ_ONLY,
    ),
    _text(
        "mutability",
        "When a value may be given.",
        required=True,
        canonical=_MUTABILITY,
    ),
    _text(
        "returned",
        "When a value is shown.",
        required=True,
        canonical=_RETURNED,
    ),
    _text("uniqueness", "Among what a value is unique.", canonical=_UNIQUENESS),
    Attribute(
        "referenceTypes",
        "What a reference may lead to.",
        multi_valued=True,
        case_exact=True,
        mutability=Mutability.READ_ONLY,
    ),
)

SCHEMA_SCHEMA = Schema(
    "urn:ietf:params:scim:schemas:core:2.0:Schema",
    "Schema",
    "What attributes a resource has.",
    (
        _address("id", "The schema's URN.", "uri", required=True),
        _text("name", "The schema's name for people.", required=True),
        _text("description", "What the schema is for."),
        _object(
            "attributes",
            "The attributes.",
            *_ABOUT_ATTRIBUTES,
            _object(
                "subAttributes",
                "The parts of a complex attribute.",
                *_ABOUT_ATTRIBUTES,
                several=True,
                required=False,
            ),
            several=True,
        ),
    ),
)
