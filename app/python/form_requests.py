"""Whether a request uploads by a form: what is told to who does is in another form, too."""

from falcon import Request

_FORM = "multipart/form-data"
_ELSEWHERE = ("/api/", "/auth/", "/scim/")


def is_form(req: Request) -> bool:
    """Whether a request sends a form (RFC 7578) to a repository, or to where one may be sought."""
    if req.method != "POST" or req.path.startswith(_ELSEWHERE):
        return False
    type_ = req.env.get("CONTENT_TYPE") or ""
    return type_.partition(";")[0].strip().lower() == _FORM
