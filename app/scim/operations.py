"""What can be done with one kind of resource, alike for a request and for a part of a bulk one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from app.scim.attributes import ResourceType
from app.scim.errors import Contended, InvalidValue
from app.scim.versions import Condition
from auth.errors import AlreadyTaken, ChangedMeanwhile, InvalidField, LimitReached
from auth.principals import Authority

#: What the fields of accounts and groups are called in SCIM.
_NAMES = {
    "email": "emails",
    "user_name": "userName",
    "external_id": "externalId",
    "name": "displayName",
    "role": "roles",
}


@dataclass(frozen=True, slots=True)
class Done:
    """What an operation led to: the resource as it is now, None where it is gone or was not
    asked for, its id and its version."""

    id: str
    resource: Mapping[str, Any] | None = None
    version: str | None = None


class Operations(Protocol):
    """Users, or groups. Each of these is all or nothing; `base` is that of addresses.

    Raises:
        ScimError: what was asked can't be.
        InvalidField, AlreadyTaken: a value, by the name that SCIM has for it.
        Missing, Forbidden, LimitReached, LastAdministrator, ChangedMeanwhile.
        VersionDiffers: the condition does not hold; nothing is done.
    """

    @property
    def type(self) -> ResourceType: ...

    def create(
        self, by: Authority, body: Mapping[str, Any], base: str, new_id: str | None = None
    ) -> Done:
        """Make one; `new_id` is the id that it gets, where that was told already."""

    def replace(
        self, by: Authority, id_: str, body: Mapping[str, Any], condition: Condition, base: str
    ) -> Done: ...

    def patch(
        self, by: Authority, id_: str, body: Mapping[str, Any], condition: Condition, base: str
    ) -> Done: ...

    def delete(self, by: Authority, id_: str, condition: Condition) -> None: ...


@contextmanager
def scim_names() -> Iterator[None]:
    """Errors about fields name them as SCIM does; and 409, by which providers know that something
    is there already, is no other error's."""
    try:
        yield
    except ChangedMeanwhile as error:
        raise Contended from error
    except LimitReached as error:
        raise InvalidValue(str(error)) from error
    except AlreadyTaken as error:
        raise AlreadyTaken(_NAMES.get(error.field, error.field)) from error
    except InvalidField as error:
        raise InvalidField(_NAMES.get(error.field, error.field), error.reason) from error
