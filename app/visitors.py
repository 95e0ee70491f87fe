"""From a request to who made it: the visitor at the door, and the actor of events."""

from collections.abc import Callable, Mapping
from functools import partial

from falcon import Request

from app.repositories import Visitor
from auth.errors import NotAuthenticated, Suspended
from auth.principals import Action, Authority, Principal
from middleware.context import RequestContext, context_of
from middleware.declarations import Need
from storage.events import Actor
from storage.metadata import Key, Record
from storage.metadata.recent import Recent


def visitor_of(request: Request, *, key_required: bool = True) -> Visitor:
    """Who stands at the door of a repository, to do what the route declares there.

    Without `key_required` this is the API: by records read afresh, and also for who comes
    with an administrator's password.
    """
    context = context_of(request)
    return Visitor(
        _organization(context),
        context.claim,
        key_required,
        context.confirm if key_required else partial(_confirm_member, context),
        _need(context).actions,
    )


def anonymous(request: Request) -> Visitor:
    """A visitor without a name, whatever credentials the request carried."""
    return Visitor(_organization(context_of(request)), None, actions=frozenset({Action.READ}))


def actor_of(request: Request, principal: Principal) -> Actor:
    """Who did it, for the event."""
    return authority_of(request, principal).actor


def reader_of(request: Request) -> Actor:
    """Who reads, for the event; without a name where nobody had to say who he is."""
    context = context_of(request)
    if context.principal is None:
        return Actor(None, None, context.id, context.address or None, request.user_agent)
    return actor_of(request, context.principal)


def _organization(context: RequestContext) -> str:
    if context.organization is None:
        raise LookupError("a route without an organization asked for one")
    return context.organization


def confirmed(request: Request, recent: Recent) -> Principal:
    """Who calls the API, by records read afresh: revocation holds at once.

    Raises NotAuthenticated, TooManyAttempts, Busy, and Forbidden where the route needs more.
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
    _confirm_member(context_of(request), principal)
    return principal, records


def guest(request: Request, recent: Recent) -> Principal | None:
    """Who looks at a page that is everybody's: None for a stranger."""
    claim = context_of(request).claim
    if claim is None:
        return None
    try:
        return confirmed(request, recent)
    except (NotAuthenticated, Suspended):
        return None


def _confirm_member(context: RequestContext, principal: Principal) -> None:
    """Note who it is, and hold him to what the route needs. Raises Forbidden."""
    context.confirm(principal)
    _need(context).admit(principal)


def _need(context: RequestContext) -> Need:
    if context.need is None:
        raise LookupError("a route that declares nothing asked who it is")
    return context.need


def authority_of(request: Request, principal: Principal) -> Authority:
    """On whose word the API changes something."""
    context = context_of(request)
    return principal.acting(context.id, context.address or None, request.user_agent)
