"""From the name of an organization, which the host gives, to its id, which every key holds."""

from falcon import Request, Response

from auth.errors import Missing
from auth.organizations import Organizations
from middleware.context import context_of
from middleware.problems import Problem


class Tenancy:
    """Puts the organization's id in place of its name."""

    def __init__(self, organizations: Organizations, exempt: frozenset[str]) -> None:
        self._organizations = organizations
        self._exempt = exempt
        self._ids: dict[str, str] = {}  # an organization's id never changes

    def process_request(self, req: Request, _resp: Response) -> None:
        if req.env["PATH_INFO"] in self._exempt:
            return
        context = context_of(req)
        name = context.organization or ""
        known = self._ids.get(name)
        if known is None:
            try:
                known = self._organizations.resolve(name)
            except Missing as error:
                raise Problem(421, "Misdirected Request", "This host is not served here.") from error
            self._ids[name] = known
        context.organization = known
