"""What a User is (RFC 7643, section 4.1), and what the enterprise extension adds (section 4.3).

Everything of those sections is taken and kept; what the account itself has of it (its name,
address, role and state) is for `user_resources.py` to say.
"""

from dataclasses import replace

from app.scim.attributes import Attribute, Kind, Mutability, Returned, Schema, Uniqueness

_PRIMARY = Attribute(
    "primary", "Whether this is the preferred one; one value at most is.", Kind.BOOLEAN
)
_DISPLAY = Attribute("display", "How the value is shown to people.")


def _type(*canonical: str) -> Attribute:
    return Attribute("type", "What the value is for.", canonical=canonical)


def _values(name: str, description: str, value: Attribute, *types: str) -> Attribute:
    """An attribute with the parts that most multi-valued ones have (section 2.4)."""
    return Attribute(
        name,
        description,
        Kind.COMPLEX,
        multi_valued=True,
        parts=(replace(value, name="value"), _DISPLAY, _type(*types), _PRIMARY),
    )


def _reference(name: str, description: str, *to: str) -> Attribute:
    return Attribute(name, description, Kind.REFERENCE, case_exact=True, references=to)


_NAME = Attribute(
    "name",
    "The person's name in its parts.",
    Kind.COMPLEX,
    parts=(
        Attribute("formatted", "The whole name as it is written."),
        Attribute("familyName", "The family name."),
        Attribute("givenName", "The given name."),
        Attribute("middleName", "The names between these two."),
        Attribute("honorificPrefix", "A title in front of the name."),
        Attribute("honorificSuffix", "What follows the name, such as III."),
    ),
)

_ADDRESSES = Attribute(
    "addresses",
    "Postal addresses.",
    Kind.COMPLEX,
    multi_valued=True,
    parts=(
        Attribute("formatted", "The whole address as it is written, in lines."),
        Attribute("streetAddress", "Street, house and flat, in lines."),
        Attribute("locality", "The city or place."),
        Attribute("region", "The state or region."),
        Attribute("postalCode", "The postal code."),
        Attribute("country", "The country, as ISO 3166-1 writes it in two letters."),
        _type("work", "home", "other"),
        _PRIMARY,
    ),
)

_GROUPS = Attribute(
    "groups",
    "The groups that the account is in; they are changed through Groups.",
    Kind.COMPLEX,
    multi_valued=True,
    mutability=Mutability.READ_ONLY,
    parts=(
        Attribute("value", "The group's id.", case_exact=True, mutability=Mutability.READ_ONLY),
        replace(
            _reference("$ref", "The group's address.", "Group"), mutability=Mutability.READ_ONLY
        ),
        Attribute("display", "The group's name.", mutability=Mutability.READ_ONLY),
        Attribute(
            "type",
            "How the account came into the group: always as a member of it.",
            mutability=Mutability.READ_ONLY,
            canonical=("direct",),
        ),
    ),
)

USER_SCHEMA = Schema(
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "User",
    "An account of a person or a machine.",
    (
        Attribute(
            "userName",
            "What the account is called where it signs in; case makes no difference.",
            required=True,
            uniqueness=Uniqueness.SERVER,
        ),
        _NAME,
        Attribute("displayName", "The name that is shown."),
        Attribute("nickName", "What the person is called by others."),
        _reference("profileUrl", "A page about the person.", "external"),
        Attribute("title", "The position, such as Vice President."),
        Attribute("userType", "The relation to the organization, such as Contractor."),
        Attribute("preferredLanguage", "The language, as Accept-Language has it."),
        Attribute("locale", "How dates and numbers are written, such as en-US."),
        Attribute("timezone", "The time zone, by its name in the IANA database."),
        Attribute(
            "active",
            "Whether the account may be used.",
            Kind.BOOLEAN,
            required=True,
            defaulted=True,  # a new account is active, and who does not tell it leaves it
        ),
        Attribute(
            "password",
            "The password that is to be the account's; nothing ever shows it.",
            case_exact=True,
            mutability=Mutability.WRITE_ONLY,
            returned=Returned.NEVER,
        ),
        _values(
            "emails",
            "E-mail addresses; the account's own is the primary one.",
            Attribute("value", "An e-mail address."),
            *("work", "home", "other"),
        ),
        _values(
            "phoneNumbers",
            "Telephone numbers.",
            Attribute("value", "A telephone number, best as RFC 3966 writes it."),
            *("work", "home", "mobile", "fax", "pager", "other"),
        ),
        _values(
            "ims",
            "Addresses for instant messages.",
            Attribute("value", "An address for instant messages."),
            *("aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
        ),
        _values(
            "photos",
            "Addresses of pictures.",
            _reference("value", "Where a picture is.", "external"),
            *("photo", "thumbnail"),
        ),
        _ADDRESSES,
        _GROUPS,
        _values(
            "entitlements",
            "What the person is entitled to; kept, and without effect here.",
            Attribute("value", "One entitlement."),
        ),
        _values(
            "roles",
            "Roles; the highest of those that are known here is the account's.",
            Attribute("value", "One role.", canonical=("admin", "developer", "reader")),
        ),
        _values(
            "x509Certificates",
            "Certificates; kept, and without effect here.",
            Attribute("value", "A certificate in DER, as Base64.", Kind.BINARY, case_exact=True),
        ),
    ),
)

ENTERPRISE = Schema(
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "EnterpriseUser",
    "What an employer notes of a person.",
    (
        Attribute("employeeNumber", "The number that the employer gave."),
        Attribute("costCenter", "The cost centre."),
        Attribute("organization", "The organization."),
        Attribute("division", "The division."),
        Attribute("department", "The department."),
        Attribute(
            "manager",
            "The person's manager.",
            Kind.COMPLEX,
            parts=(
                Attribute("value", "The id of the manager's account.", case_exact=True),
                _reference("$ref", "The address of the manager's account.", "User"),
                Attribute("displayName", "The manager's name.", mutability=Mutability.READ_ONLY),
            ),
        ),
    ),
)
