"""Errors in the form that SCIM has for them (RFC 7644, section 3.12)."""

import json
from typing import Any

from falcon import Request

from middleware.context import context_of
from middleware.problems import Problem

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_UNDER = "/scim/"
_WITH_WHAT = "Identity providers send a SCIM token, as Bearer; it may be over, or revoked."
_TAKEN = "Look it up by a filter and change what is there, or choose another."
_NO_ADDRESS = (
    "There is nothing here: the base URL of SCIM ends in /scim/v2, and no address ends in a slash."
)


def scim_refusal(req: Request, problem: Problem) -> tuple[str, bytes] | None:
    """The status and the body that a problem has where SCIM was asked; None elsewhere."""
    if not req.path.startswith(_UNDER):
        return None
    error = scim_error(problem)
    if problem.status == 404 and context_of(req).need is None:
        error["detail"] = _NO_ADDRESS
    return error["status"], (json.dumps(error) + "\n").encode()


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
