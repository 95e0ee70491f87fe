"""What a Group is (RFC 7643, section 4.2): a name, and accounts that are its members."""

from app.scim.attributes import Attribute, Kind, Mutability, Schema, Uniqueness

MEMBERS = Attribute(
    "members",
    "The accounts that are in the group; a group is in no other.",
    Kind.COMPLEX,
    multi_valued=True,
    parts=(
        Attribute(
            "value",
            "The id of an account.",
            required=True,
            case_exact=True,
            mutability=Mutability.IMMUTABLE,
        ),
        Attribute(
            "$ref",
            "The address of the account.",
            Kind.REFERENCE,
            case_exact=True,
            mutability=Mutability.IMMUTABLE,
            references=("User",),
        ),
        Attribute(
            "type",
            "What the member is: always a User.",
            mutability=Mutability.IMMUTABLE,
            canonical=("User",),
        ),
        Attribute("display", "The account's name.", mutability=Mutability.READ_ONLY),
    ),
)

GROUP_SCHEMA = Schema(
    "urn:ietf:params:scim:schemas:core:2.0:Group",
    "Group",
    "Accounts that have grants in common.",
    (
        Attribute(
            "displayName",
            "The group's name; case makes no difference.",
            required=True,
            uniqueness=Uniqueness.SERVER,
        ),
        MEMBERS,
    ),
)
