"""Proves a password by itself, for what asks for it: opening a session, changing how to sign in.

It is the same slow way as for any request, with its limits, and at the same cost for accounts
that do not exist. What is returned was read before the password was looked at, so that who
goes on by it is refused by whatever changed since: a new password raises the user's epoch.
"""

from dataclasses import dataclass

from auth.authenticator import Authenticator
from auth.callers import epoch_of
from auth.credentials import EmailPassword
from auth.errors import InvalidField, NotAuthenticated
from auth.records import read_names
from auth.standing import Standing, requires_second_factor
from storage import keys
from storage.metadata import Record
from storage.metadata.recent import Recent


@dataclass(frozen=True, slots=True)
class Proven:
    """Whose password it was, by his record, and whether everybody there needs a second factor."""

    standing: Standing
    user: Record
    required: bool

    @property
    def epoch(self) -> int:
        """Of which his sessions were when the password was right."""
        return epoch_of(self.user)


class ProvenPasswords:
    """Proves passwords. Safe for many threads."""

    def __init__(self, recent: Recent, authenticator: Authenticator) -> None:
        self._recent = recent
        self._authenticator = authenticator

    def prove(
        self,
        standing: Standing,
        credentials: EmailPassword,
        address: str,
        request: str | None = None,
        agent: str | None = None,
    ) -> Proven:
        """Whose password it is, whether or not he has a second factor.

        Args:
            standing: the organization that he says he is of.
            credentials: as they came in.
            address: the client's, and for history the id of its request and its user agent.
            request: see above.
            agent: see above.

        Raises:
            NotAuthenticated: nobody's: the same for wrong, unknown and disabled.
            Suspended, TooManyAttempts, Busy.
        """
        # A password that was verified lately may be another account's by now; the second time
        # it has been verified anew.
        for _ in range(2):
            claim = self._authenticator.opening(standing, credentials, address, request, agent)
            records = self._recent.get(*claim.needs())
            principal = claim.confirm(records)
            user = records.get(keys.user(standing.organization, principal.user_id))
            if user is not None:
                return Proven(standing, user, requires_second_factor(records[standing.key]))
        raise NotAuthenticated

    def prove_own(
        self,
        standing: Standing,
        user_id: str,
        password: str,
        address: str,
        request: str | None = None,
        agent: str | None = None,
    ) -> Proven:
        """That a password is that of who asks, by a user's id; from where as for `prove`.

        Raises:
            InvalidField: it is not.
            Suspended, TooManyAttempts, Busy.
        """
        key = keys.user(standing.organization, user_id)
        user = self._recent.cached(key).get(key)
        if user is None:
            raise NotAuthenticated
        try:
            own = EmailPassword(read_names(user)[0], password)
            return self.prove(standing, own, address, request, agent)
        except NotAuthenticated as error:
            raise InvalidField("password", "is wrong") from error
