"""What a request that changes files says besides its bytes, and how a file is told of."""

from datetime import UTC
from typing import Any

from falcon import Request

from app.publishing import Artifact, Expectations
from app.raw.announcements import parse_announcements
from app.raw.conditions import Conditions, parse_conditions
from app.repositories import ArtifactPath, Opened
from auth.principals import Principal
from middleware.problems import Problem

_ANNOUNCEMENTS = {
    f"HTTP_{name.replace('-', '_')}": name
    for name in (
        "CONTENT-MD5",
        "CONTENT-DIGEST",
        "REPR-DIGEST",
        "X-CHECKSUM-MD5",
        "X-CHECKSUM-SHA1",
        "X-CHECKSUM-SHA256",
        "X-CHECKSUM-SHA512",
    )
}


def expectations_of(req: Request) -> Expectations:
    """The digests that a request announces. Raises InvalidAnnouncement."""
    env = req.env
    return parse_announcements(
        {name: env[variable] for variable, name in _ANNOUNCEMENTS.items() if variable in env}
    )


def conditions_of(req: Request) -> Conditions:
    """The conditional headers of a request."""
    env = req.env
    return parse_conditions(
        env.get("HTTP_IF_MATCH"),
        env.get("HTTP_IF_NONE_MATCH"),
        env.get("HTTP_IF_MODIFIED_SINCE"),
        env.get("HTTP_IF_UNMODIFIED_SINCE"),
    )


def named(opened: Opened) -> Principal:
    """Who it is that changes something."""
    if opened.principal is None:
        raise LookupError("a change was opened without a principal")
    return opened.principal


def refuse_encodings(req: Request) -> None:
    """Refuse what would be stored as something other than what it is (RFC 9110, 8.4)."""
    if req.env.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() != "identity":
        raise Problem(
            415,
            "Unsupported Media Type",
            "Send the file as it is, without Content-Encoding: it is stored as it comes.",
        )


def description(path: ArtifactPath, artifact: Artifact) -> dict[str, Any]:
    """A file as JSON."""
    return {
        "path": str(path),
        "size": artifact.size,
        "modified": artifact.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "digests": dict(artifact.digests),
    }
