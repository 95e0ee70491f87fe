"""The schemas and kinds of resources that there are: all that filters, paths, PATCH, answers and
`/Schemas` go by."""

from app.scim.attributes import Attribute, Kind, Mutability, ResourceType, Returned, Schema
from app.scim.schemas_group import GROUP_SCHEMA
from app.scim.schemas_protocol import (
    RESOURCE_TYPE_SCHEMA,
    SCHEMA_SCHEMA,
    SERVICE_PROVIDER_CONFIG_SCHEMA,
)
from app.scim.schemas_user import ENTERPRISE, USER_SCHEMA

#: What every resource has (RFC 7643, section 3.1).
COMMON = (
    Attribute(
        "schemas",
        "The URNs of the schemas that the resource follows.",
        Kind.REFERENCE,
        multi_valued=True,
        required=True,
        case_exact=True,
        mutability=Mutability.READ_ONLY,
        returned=Returned.ALWAYS,
        references=("uri",),
    ),
    Attribute(
        "id",
        "The resource's id, which never changes.",
        case_exact=True,
        mutability=Mutability.READ_ONLY,
        returned=Returned.ALWAYS,
    ),
    Attribute("externalId", "The id that the provider has for it.", case_exact=True),
    Attribute(
        "meta",
        "What the service notes of the resource.",
        Kind.COMPLEX,
        mutability=Mutability.READ_ONLY,
        parts=(
            Attribute(
                "resourceType",
                "The kind of resource.",
                case_exact=True,
                mutability=Mutability.READ_ONLY,
            ),
            Attribute(
                "created",
                "When it was made.",
                Kind.DATE_TIME,
                mutability=Mutability.READ_ONLY,
            ),
            Attribute(
                "lastModified",
                "When it was last changed.",
                Kind.DATE_TIME,
                mutability=Mutability.READ_ONLY,
            ),
            Attribute(
                "location",
                "Its address.",
                Kind.REFERENCE,
                case_exact=True,
                mutability=Mutability.READ_ONLY,
                references=("uri",),
            ),
            Attribute(
                "version",
                "Its version, which conditions name.",
                case_exact=True,
                mutability=Mutability.READ_ONLY,
            ),
        ),
    ),
)

USER = ResourceType(
    "User", "/Users", "Accounts of people and machines.", USER_SCHEMA, (ENTERPRISE,), COMMON
)
GROUP = ResourceType("Group", "/Groups", "Groups of accounts.", GROUP_SCHEMA, (), COMMON)

#: In the order in which `/ResourceTypes` lists them.
RESOURCE_TYPES = (USER, GROUP)
#: In the order in which `/Schemas` lists them.
SCHEMAS: tuple[Schema, ...] = (
    USER_SCHEMA,
    GROUP_SCHEMA,
    ENTERPRISE,
    SERVICE_PROVIDER_CONFIG_SCHEMA,
    RESOURCE_TYPE_SCHEMA,
    SCHEMA_SCHEMA,
)
#: Those that paths and filters may name.
URNS = tuple(one.id for type_ in RESOURCE_TYPES for one in (type_.schema, *type_.extensions))

__all__ = [
    "COMMON",
    "ENTERPRISE",
    "GROUP",
    "RESOURCE_TYPES",
    "SCHEMAS",
    "URNS",
    "USER",
]
