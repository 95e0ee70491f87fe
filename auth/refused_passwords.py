"""The event of a wrong password: who tried is nobody that is known, so it tells of an account."""

from collections.abc import Mapping
from dataclasses import replace

from auth.rates import Watch
from storage.events import Actor, Journal
from storage.metadata import Key, Record, Witness


def refused_password(
    journal: Journal,
    organization: str,
    actor: Actor,
    account: str | None,
    watch: Watch,
    records: Mapping[Key, Record],
) -> Witness | None:
    """The event, for a few of a minute. With it or without, for an account that there is or not,
    it is one commit; only administrators read whose it was.

    Args:
        journal: makes events.
        organization: where it was tried.
        actor: from where, and with what; that he is somebody counts for nothing.
        account: the id of the user whose password it was not, None where there is none.
        watch: the counters of the attempt.
        records: that it was judged by.
    """
    failures = watch.notable(records)
    if failures is None:
        return None
    nobody = replace(actor, user=None)
    return journal.event(
        organization, nobody, "sign-in.refused", account=account, failures=failures
    )
