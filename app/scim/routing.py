"""What the routes of SCIM share: whose request it is, and where its resources lie."""

from collections.abc import Callable, Mapping

from falcon import Request

from app.mail.origins import Origins
from app.visitors import authority_of, confirmed_with
from auth.principals import Authority
from middleware.context import context_of
from storage.metadata import Key, Record
from storage.metadata.recent import Recent

ROOT = "/scim/v2"


class Routing:
    """Confirms requests, and knows the addresses of resources: by the settings, never by what a
    request says of its host. Where the settings name none, they are paths."""

    def __init__(self, recent: Recent, origins: Origins) -> None:
        self._recent = recent
        self._origins = origins

    def base(self, req: Request) -> str:
        """What the addresses of resources begin with."""
        place = context_of(req).place
        return ((self._origins.of(place.organization) if place is not None else None) or "") + ROOT

    def authority(self, req: Request) -> Authority:
        """On whose word something is changed; raises what `confirmed` does."""
        return self.reading(req, lambda _: ())[0]

    def still(self, req: Request) -> Authority:
        """The same again later in a long request, by records that this process may remember:
        what it has revoked itself ends at once, and what others have within ten seconds."""
        claim = context_of(req).claim
        if claim is None:
            raise LookupError("a route without a claim asked who it is")
        return authority_of(req, claim.confirm(self._recent.cached(*claim.needs())))

    def reading(
        self, req: Request, wanted: Callable[[str], tuple[Key, ...]]
    ) -> tuple[Authority, Mapping[Key, Record]]:
        """On whose word, with the records that the request needs first, in one read."""
        principal, records = confirmed_with(req, self._recent, wanted)
        return authority_of(req, principal), records
