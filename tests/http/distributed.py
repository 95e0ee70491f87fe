"""Who comes from outside an organization: subscribers with their keys, and SCIM tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from auth.api_keys import ApiKeys
from auth.patterns import is_pattern
from auth.scim_tokens import MadeToken, ScimTokens
from auth.subscriber_groups import SubscriberGroups
from auth.subscribers import Subscribers
from tests.http.client import basic
from tests.http.stand import Stand


@dataclass(frozen=True)
class Outsider:
    """A subscriber with one group and one key, as a test knows him."""

    id: str
    group: str
    key_id: str
    key: str

    @property
    def by_key(self) -> str:
        return basic("api-key", self.key)


def outsider(
    stand: Stand,
    *reads: str,
    expires: datetime | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Outsider:
    """A subscriber who reads repositories, by their ids or by patterns of their names.

    Args:
        stand: where he is made.
        reads: what his group gives.
        expires: when he ends.
        clock: the time of all that is made.
    """
    at, by = stand.process.installation, stand.operator
    existing = [one for one in reads if not is_pattern(one)]
    groups = SubscriberGroups(at.recent, at.journal, clock)
    group = groups.create(by, name="a group", reads=reads, existing=existing)
    person = Subscribers(at.recent, at.journal, clock).create(
        by, name="Outsider", contact="outsider@example.net", groups=[group.id], expires=expires
    )
    made = ApiKeys(at.recent, at.journal, clock).create(
        by, name="of an outsider", user_id=person.id, owner="subscriber"
    )
    return Outsider(person.id, group.id, made.key.id, made.secret.text)


def scim_token(stand: Stand, name: str = "of a test") -> MadeToken:
    """A token of a provisioning service, in place of the one that was called so."""
    at = stand.process.installation
    tokens = ScimTokens(at.recent, at.journal)
    for old in tokens.list(stand.operator):
        if old.name == name:
            tokens.delete(stand.operator, old.id)
    return tokens.create(stand.operator, name=name)
