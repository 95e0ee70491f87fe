"""Errors in the form that SCIM has for them (RFC 7644, section 3.12)."""

import json
from typing import Any

from falcon import Request, Response

from app.scim.media import SCIM_JSON
from middleware.context import context_of
from middleware.problems import Problem

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_UNDER = "/scim/"
_WITH_WHAT = "Identity providers send a SCIM token, as Bearer; it may be over, or revoked."
_TAKEN = "Look it up by a filter and change what is there, or choose another."
_NO_ADDRESS = (
    "There is nothing here: the base URL of SCIM ends in /scim/v2, and no address ends in a slash."
)


def refused_as_scim(req: Request, resp: Response, problem: Problem) -> bool:
    """Answer a problem in SCIM's form, where SCIM was asked; else return False."""
    if not req.path.startswith(_UNDER):
        return False
    error = scim_error(problem)
    if problem.status == 404 and context_of(req).need is None:
        error["detail"] = _NO_ADDRESS
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
    return error | {"detail": _detail(problem)}


def _detail(problem: Problem) -> str:
    """What is the matter, and what to do."""
    if problem.status == 401:
        return f"{_WITH_WHAT} {problem.detail}"
    return f"{problem.detail} {_TAKEN}" if problem.scim_type == "uniqueness" else problem.detail
