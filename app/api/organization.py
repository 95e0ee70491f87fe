"""`/api/organization`: what an organization holds, and may hold, for its administrators."""

from falcon import Request, Response

from app.api.answers import time_text, usage_json
from app.usage import Balance, Ledger
from app.visitors import authority_of, confirmed_with
from auth.errors import Missing
from auth.records import read_organization
from middleware.declarations import Access
from storage import keys
from storage.metadata.recent import Recent


class TheOrganization:
    """`GET /api/organization`."""

    access = Access.SIGNED_IN

    def __init__(self, recent: Recent) -> None:
        self._recent = recent

    def on_get(self, req: Request, resp: Response) -> None:
        """Show the organization that the caller belongs to."""
        principal, records = confirmed_with(
            req, self._recent, lambda at: (keys.organization(at), *Ledger(at).keys)
        )
        authority_of(req, principal).require_admin()
        record = records.get(keys.organization(principal.organization))
        if record is None:
            raise Missing("organization")
        organization = read_organization(record)
        balance = Balance.read(Ledger(principal.organization), records)
        resp.media = {
            "name": organization.name,
            "created": time_text(organization.created),
            "quota_bytes": organization.quota_bytes,
            "usage": usage_json(balance.usage),
        }
