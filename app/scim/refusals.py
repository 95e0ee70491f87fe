"""Errors in the form that SCIM has for them (RFC 7644, section 3.12)."""

import json
from typing import Any

from falcon import Request, Response

from app.scim.media import SCIM_JSON
from middleware.problems import Problem

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_UNDER = "/scim/"
_HOW = "Identity providers send a SCIM token, as Bearer: an administrator makes it or rotates it."


def refused_as_scim(req: Request, resp: Response, problem: Problem) -> bool:
    """Answer a problem in SCIM's form, where SCIM was asked; else return False."""
    if not req.path.startswith(_UNDER):
        return False
    error = scim_error(problem)
    resp.status = error["status"]
    resp.text = None
    resp.stream = None
    for name in resp.headers:
        resp.delete_header(name)  # it described what is not sent now
    resp.set_headers(problem.headers)
    resp.content_type = SCIM_JSON
    resp.set_header("Cache-Control", "no-store")
    resp.data = (json.dumps(error) + "\n").encode()
    return True


def scim_error(problem: Problem) -> dict[str, Any]:
    """A problem as SCIM tells it. A field that can't be taken is 400 there, not 422."""
    status, kind = problem.status, problem.scim_type
    if status == 422:
        status, kind = 400, kind or "invalidValue"
    error: dict[str, Any] = {"schemas": [ERROR], "status": str(status)}
    if kind is not None:
        error["scimType"] = kind
    return error | {"detail": f"{problem.detail} {_HOW}" if status == 401 else problem.detail}
