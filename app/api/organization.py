"""`/api/organization`: what an organization holds, may hold and requires, for administrators."""

from falcon import Request, Response

from app.api.answers import time_text, usage_json
from app.api.reading import read_fields
from app.audit import HistoryRule
from app.audit.rule import check_days
from app.usage import Balance, Ledger
from app.visitors import authority_of, confirmed, confirmed_with
from auth.errors import InvalidField, Missing
from auth.factor_rule import SecondFactorRule
from auth.records import read_organization
from auth.standing import OPTIONAL, REQUIRED, requires_second_factor
from middleware.context import context_of
from middleware.declarations import MANAGER, by_method
from storage import keys
from storage.metadata.recent import Recent


class TheOrganization:
    """`GET` and `PATCH /api/organization`."""

    needs = by_method(GET=MANAGER, PATCH=MANAGER)

    def __init__(self, recent: Recent, rule: SecondFactorRule, history: HistoryRule) -> None:
        self._recent = recent
        self._rule = rule
        self._history = history

    def on_get(self, req: Request, resp: Response) -> None:
        """Show the organization that the caller belongs to."""
        name = keys.organization_by_name(_name_of(req))
        principal, records = confirmed_with(
            req, self._recent, lambda at: (name, keys.organization(at), *Ledger(at).keys)
        )
        record = records.get(keys.organization(principal.organization))
        if record is None:
            raise Missing("organization")
        organization = read_organization(record)
        balance = Balance.read(Ledger(principal.organization), records)
        resp.media = {
            "name": organization.name,
            "created": time_text(organization.created),
            "quota_bytes": organization.quota_bytes,
            "audit_days": organization.audit_days,
            "second_factor": REQUIRED if requires_second_factor(records[name]) else OPTIONAL,
            "usage": usage_json(balance.usage),
        }

    def on_patch(self, req: Request, resp: Response) -> None:
        """Change what the organization requires."""
        by = authority_of(req, confirmed(req, self._recent))
        fields = read_fields(req)
        rule = fields.text("second_factor")
        kept, days = fields.has("audit_days"), fields.number("audit_days")
        fields.finish()
        check_days(days)
        if fields.has("second_factor") and rule not in (REQUIRED, OPTIONAL):
            raise InvalidField("second_factor", f"must be {REQUIRED} or {OPTIONAL}")
        if rule is not None:
            self._rule.set(by, _name_of(req), required=rule == REQUIRED)
        if kept:  # here null says something: that they are kept for ever
            self._history.set(by, days)
        self.on_get(req, resp)


def _name_of(req: Request) -> str:
    """The name of the organization that a request is for."""
    place = context_of(req).place
    if place is None:
        raise LookupError("a route without a host asked for its organization")
    return place.organization
