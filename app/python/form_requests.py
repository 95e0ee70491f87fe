"""Whether a request uploads by a form: what is told to who does is in another form, too."""

from falcon import Request

_FORM = "multipart/form-data"
_TO = ("/repositories/", "/public/repositories/")


def is_form(req: Request) -> bool:
    """Whether a request sends a form (RFC 7578) to a repository."""
    if req.method != "POST" or not req.path.startswith(_TO):
        return False
    type_ = req.env.get("CONTENT_TYPE") or ""
    return type_.partition(";")[0].strip().lower() == _FORM
