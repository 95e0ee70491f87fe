"""The service, its kinds of resources and its schemas as SCIM shows them (RFC 7643, sections 5
to 7)."""

from typing import Any

from app.scim.attributes import Attribute, Kind, ResourceType, Schema
from app.scim.schemas_protocol import (
    RESOURCE_TYPE_SCHEMA,
    SCHEMA_SCHEMA,
    SERVICE_PROVIDER_CONFIG_SCHEMA,
)

#: Where case can make a difference (section 2.3).
_CASED = frozenset({Kind.STRING, Kind.REFERENCE, Kind.BINARY})


def schema_json(schema: Schema, base: str) -> dict[str, Any]:
    """A schema.

    Args:
        schema: what is shown.
        base: of the addresses of resources, such as `https://repo.example.com/scim/v2`.
    """
    return {
        "schemas": [SCHEMA_SCHEMA.id],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": [_attribute(one) for one in schema.attributes],
        "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{schema.id}"},
    }


def resource_type_json(type_: ResourceType, base: str) -> dict[str, Any]:
    """A kind of resource; `base` as for a schema."""
    return {
        "schemas": [RESOURCE_TYPE_SCHEMA.id],
        "id": type_.name,
        "name": type_.name,
        "endpoint": type_.endpoint,
        "description": type_.description,
        "schema": type_.schema.id,
        "schemaExtensions": [{"schema": one.id, "required": False} for one in type_.extensions],
        "meta": {
            "resourceType": "ResourceType",
            "location": f"{base}/ResourceTypes/{type_.name}",
        },
    }


def service_provider_config(
    base: str, bulk_operations: int, bulk_bytes: int, results: int, documentation: str | None
) -> dict[str, Any]:
    """What the service does.

    Args:
        base: as for a schema.
        bulk_operations: the most that one bulk request may hold.
        bulk_bytes: the most that the body of one may have.
        results: the most resources that one page holds.
        documentation: where people read about it.
    """
    here = {} if documentation is None else {"documentationUri": documentation}
    return {
        "schemas": [SERVICE_PROVIDER_CONFIG_SCHEMA.id],
        **here,
        "patch": {"supported": True},
        "bulk": {
            "supported": True,
            "maxOperations": bulk_operations,
            "maxPayloadSize": bulk_bytes,
        },
        "filter": {"supported": True, "maxResults": results},
        "changePassword": {"supported": True},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A SCIM token of the organization, as an OAuth bearer token.",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                **here,
                "primary": True,
            }
        ],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": f"{base}/ServiceProviderConfig",
        },
    }


def _attribute(attribute: Attribute) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": attribute.name,
        "type": attribute.kind.value,
        "multiValued": attribute.multi_valued,
        "description": attribute.description,
        "required": attribute.required,
    }
    if attribute.kind in _CASED:
        shown["caseExact"] = attribute.case_exact
    if attribute.canonical:
        shown["canonicalValues"] = [*attribute.canonical]
    if attribute.references:
        shown["referenceTypes"] = [*attribute.references]
    shown |= {
        "mutability": attribute.mutability.value,
        "returned": attribute.returned.value,
        "uniqueness": attribute.uniqueness.value,
    }
    if attribute.parts:
        shown["subAttributes"] = [_attribute(one) for one in attribute.parts]
    return shown
