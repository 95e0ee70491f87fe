"""From a request to who made it: the visitor at the door, and the actor of events."""

from collections.abc import Callable, Mapping

from falcon import Request

from app.repositories import Visitor
from auth.principals import Authority, Principal
from middleware.context import RequestContext, context_of
from storage.events import Actor
from storage.metadata import Key, Record
from storage.metadata.recent import Recent


def visitor_of(request: Request, *, key_required: bool = True) -> Visitor:
    """Who stands at the door of a repository."""
    context = context_of(request)
    return Visitor(_organization(context), context.claim, key_required, context.confirm)


def anonymous(request: Request) -> Visitor:
    """A visitor without a name, whatever credentials the request carried."""
    return Visitor(_organization(context_of(request)), None)


def actor_of(request: Request, principal: Principal) -> Actor:
    """Who did it, for the event."""
    return authority_of(request, principal).actor


def _organization(context: RequestContext) -> str:
    if context.organization is None:
        raise LookupError("a route without an organization asked for one")
    return context.organization


def confirmed(request: Request, recent: Recent) -> Principal:
    """Who calls the API, by records read afresh: revocation holds at once.

    Raises NotAuthenticated, TooManyAttempts, Busy.
    """
    return confirmed_with(request, recent, lambda _: ())[0]


def confirmed_with(
    request: Request, recent: Recent, wanted: Callable[[str], tuple[Key, ...]]
) -> tuple[Principal, Mapping[Key, Record]]:
    """Who calls the API, and the records that the request needs first, in one read.

    Args:
        request: of a route that needs a claim.
        recent: the records of the process.
        wanted: given the id of the organization, the records to read besides.

    Raises NotAuthenticated, TooManyAttempts, Busy.
    """
    claim = context_of(request).claim
    if claim is None:
        raise LookupError("a route without a claim asked who it is")
    records = recent.fresh(claim.needs(), *wanted(claim.organization))
    principal = claim.confirm(records)
    context_of(request).confirm(principal)
    return principal, records


def authority_of(request: Request, principal: Principal) -> Authority:
    """On whose word the API changes something."""
    context = context_of(request)
    return principal.acting(context.id, context.address or None, request.user_agent)
