"""Which error is which answer: the one page where errors meet statuses.

Every error leaves as a problem document (RFC 9457) that says what to do. What has no line
here is a fault of ours: it is logged with its trace, and the client learns only its id.
"""

import logging
import math
from collections.abc import Callable
from typing import Any

from falcon import App, HTTPError, Request, Response
from falcon.http_status import HTTPStatus

from app.api.reading import BodyTooLarge, InvalidBody, OtherType
from app.auth.refusals import refused_by_page
from app.cursors import InvalidCursor
from app.publishing import (
    ArtifactExists,
    ArtifactMissing,
    Contended,
    DigestMismatch,
    NothingToRestore,
    PathTaken,
    PreconditionFailed,
    TooLate,
)
from app.publishing.session import (
    InvalidPiece,
    SessionBroken,
    SessionConflict,
    SessionMissing,
    TooManySessions,
)
from app.python.form_requests import is_form
from app.raw.announcements import InvalidAnnouncement
from app.raw.conditions import InvalidCondition
from app.raw.ranges import RangeNotSatisfiable
from app.raw.uploads_headers import InvalidUpload
from app.repositories import (
    InvalidName,
    InvalidRepository,
    Refused,
    RepositoryBusy,
    RepositoryExists,
    RepositoryHidden,
    RepositoryMissing,
)
from app.retention import WouldEmpty
from app.scim.errors import Contended as ScimContended
from app.scim.errors import (
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    NoTarget,
    NotMutable,
    OverLimit,
    Sensitive,
    TooMany,
    UnresolvedReference,
    VersionDiffers,
)
from app.scim.media import SCIM_JSON
from app.scim.refusals import scim_refusal
from app.usage import QuotaExceeded
from app.work import Failed, JobMissing, TooManyJobs
from auth.errors import (
    AlreadyRotated,
    AlreadyTaken,
    AuthError,
    Busy,
    ChangedMeanwhile,
    CodeNeeded,
    Forbidden,
    InvalidField,
    LastAdministrator,
    LimitReached,
    Missing,
    NotAuthenticated,
    NothingToConfirm,
    NothingToInviteTo,
    SecondFactorFirst,
    SecondFactorRequired,
    Suspended,
    TooManyAsked,
    TooManyAttempts,
    TooManyCodes,
    TryLater,
    WrongCode,
)
from middleware.authentication import (
    code_wanted,
    not_authenticated,
    sign_in_busy,
    too_many_attempts,
    too_many_codes,
)
from middleware.body import BodyIncomplete, BodyMalformed, BodyTooSlow
from middleware.context import CONTEXT, context_of
from middleware.problems import Problem, invalid_field, render, spoken
from storage.blobs import (
    BlobError,
    BlobsFull,
    BlobsUnavailable,
    UploadMemorySpent,
    UploadTooLarge,
)
from storage.metadata import (
    ClockSkewed,
    Conflict,
    Corrupted,
    MetadataError,
    StoreFull,
    Unavailable,
)

_log = logging.getLogger("strongroom")

RETRY_SECONDS = 2  # after trouble with a store: its own retries took a while already


def _told(status: int, title: str, **headers: str) -> Callable[[Any], Problem]:
    """An error whose message is meant for the client."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda error: Problem(status, title, _sentence(str(error)), named)


def _fixed(status: int, title: str, detail: str, **headers: str) -> Callable[[Any], Problem]:
    """An error whose message is for us alone."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Problem(status, title, detail, named)


def _scim(
    kind: str | None, status: int = 400, title: str = "Bad Request"
) -> Callable[[Any], Problem]:
    """An error of SCIM, with what it is called there (RFC 7644, section 3.12)."""
    return lambda error: Problem(status, title, _sentence(str(error)), scim_type=kind)


def _too_many(error: TryLater) -> Problem:
    """429, with how long to wait."""
    headers = {"Retry-After": str(max(1, math.ceil(error.retry_after.total_seconds())))}
    return Problem(429, "Too Many Requests", _sentence(str(error)), headers)


def _elsewhere(error: SessionConflict) -> Problem:
    """409, with the offset from which the upload goes on."""
    headers = {"Upload-Offset": str(error.offset)}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after.total_seconds())))
    detail = _sentence(str(error))
    return Problem(409, "Conflict", detail, headers, offset=error.offset)


_CLOSED = {"Connection": "close"}
_HIDDEN = (
    "There is no such repository, or none that you may read: the scopes of a key have to name it."
)
_NOTHING = "There is nothing here. Repositories are under /repositories/NAME/."
_PUBLIC = "/public/"
_READ_ALONE = "What is public is read here; publish and delete under /repositories/NAME/."

#: From the most special to the most general of a family: the first that fits is taken.
ANSWERS: tuple[tuple[type[Exception], Callable[[Any], Problem]], ...] = (
    (Problem, lambda problem: problem),
    # Who and whether
    (NotAuthenticated, lambda error: not_authenticated(str(error))),
    (TooManyAttempts, lambda error: too_many_attempts(error.retry_after)),
    (CodeNeeded, lambda error: code_wanted(str(error))),
    (WrongCode, lambda error: code_wanted(str(error))),
    (TooManyCodes, lambda error: too_many_codes(error.retry_after)),
    (TooManyAsked, _too_many),
    (NothingToConfirm, _told(409, "Conflict")),
    (SecondFactorRequired, _told(409, "Conflict")),
    (SecondFactorFirst, _told(409, "Conflict")),
    (Suspended, _told(403, "Forbidden")),
    (RepositoryHidden, _fixed(404, "Not Found", _HIDDEN)),
    (RepositoryMissing, _fixed(404, "Not Found", _HIDDEN)),
    (Forbidden, _told(403, "Forbidden")),
    (Missing, _told(404, "Not Found")),
    (JobMissing, _fixed(404, "Not Found", "There is no such job, or none that you may see.")),
    (Failed, _told(409, "Conflict")),
    (TooManyJobs, _told(429, "Too Many Requests", Retry_After="60")),
    (NothingToInviteTo, _told(409, "Conflict")),
    (LimitReached, _told(409, "Conflict")),
    (AlreadyRotated, _told(409, "Conflict")),
    (LastAdministrator, _told(409, "Conflict")),
    (ChangedMeanwhile, _told(409, "Conflict")),
    (
        AlreadyTaken,
        lambda error: Problem(
            409, "Conflict", f"This '{error.field}' is taken.", scim_type="uniqueness"
        ),
    ),
    (Busy, lambda error: sign_in_busy(error.retry_after)),
    # What was asked
    (InvalidName, _told(400, "Bad Request")),
    # They begin with what they are about, which is written as it is.
    (Refused, lambda error: Problem(400, "Bad Request", f"{error}.")),
    (InvalidAnnouncement, _told(400, "Bad Request")),
    (InvalidCondition, _told(400, "Bad Request")),
    (BodyTooLarge, _told(413, "Content Too Large")),
    (OtherType, _told(415, "Unsupported Media Type")),
    (InvalidBody, _told(400, "Bad Request")),
    (InvalidCursor, lambda error: invalid_field("after", str(error))),
    (InvalidRepository, lambda error: invalid_field(error.field, str(error))),
    (InvalidField, lambda error: invalid_field(error.field, error.reason)),
    (PreconditionFailed, _told(412, "Precondition Failed")),
    (
        RangeNotSatisfiable,
        lambda error: Problem(
            416,
            "Range Not Satisfiable",
            _sentence(str(error)),
            {"Content-Range": f"bytes */{error.size}"},
        ),
    ),
    (
        WouldEmpty,
        _fixed(
            409,
            "Conflict",
            "These rules would take every file that is there now. Look at the preview; if that"
            ' is meant, send "confirm": true.',
        ),
    ),
    (RepositoryExists, _fixed(409, "Conflict", "There is a repository of that name.")),
    (
        ArtifactExists,
        _fixed(
            409,
            "Conflict",
            "There are other bytes under this path, and the repository does not allow"
            " overwriting. Publish another version, or under another path; or an administrator"
            " sets the repository's 'overwrite'.",
        ),
    ),
    (ArtifactMissing, _fixed(404, "Not Found", "There is no such file in this repository.")),
    (NothingToRestore, _told(404, "Not Found")),
    (PathTaken, _told(409, "Conflict")),
    (DigestMismatch, _told(400, "Bad Request")),
    (InvalidUpload, _told(400, "Bad Request")),
    (InvalidPiece, _told(400, "Bad Request")),
    (
        SessionMissing,
        _fixed(
            404,
            "Not Found",
            "There is no such upload: it is over, or its day has passed. Begin it anew.",
        ),
    ),
    (SessionBroken, _told(410, "Gone")),
    (SessionConflict, _elsewhere),
    (TooManySessions, _told(409, "Conflict")),
    # What an identity provider asked
    (InvalidFilter, _scim("invalidFilter")),
    (InvalidPath, _scim("invalidPath")),
    (InvalidSyntax, _scim("invalidSyntax")),
    (InvalidValue, _scim("invalidValue")),
    (NotMutable, _scim("mutability")),
    (NoTarget, _scim("noTarget")),
    (TooMany, _scim("tooMany")),
    (Sensitive, _scim("sensitive", 403, "Forbidden")),
    (UnresolvedReference, _scim("invalidValue", 409, "Conflict")),
    (VersionDiffers, _scim(None, 412, "Precondition Failed")),
    (OverLimit, _scim(None, 413, "Content Too Large")),
    (ScimContended, _told(503, "Service Unavailable", Retry_After="1")),
    # How it was sent
    (BodyIncomplete, _fixed(400, "Bad Request", "The body ended too early; nothing is stored.")),
    (
        BodyMalformed,
        lambda _: Problem(400, "Bad Request", "The body is not framed as HTTP wants it.", _CLOSED),
    ),
    (
        BodyTooSlow,
        lambda _: Problem(408, "Request Timeout", "The body came too slowly.", _CLOSED),
    ),
    (UploadTooLarge, _told(413, "Content Too Large")),
    (QuotaExceeded, _told(413, "Content Too Large")),
    # What the stores say
    (
        UploadMemorySpent,
        lambda error: Problem(
            503,
            "Service Unavailable",
            "The memory for uploads is spent for now. Try again.",
            {"Retry-After": str(max(1, math.ceil(error.retry_after.total_seconds())))},
        ),
    ),
    (Contended, _told(503, "Service Unavailable", Retry_After="1")),
    (TooLate, _told(503, "Service Unavailable", Retry_After="1")),
    (
        RepositoryBusy,
        _fixed(503, "Service Unavailable", "Others change it at once.", Retry_After="1"),
    ),
    (BlobsFull, _fixed(507, "Insufficient Storage", "The disk is full; nothing is stored.")),
    (StoreFull, _fixed(507, "Insufficient Storage", "The disk is full; nothing is stored.")),
    (
        BlobsUnavailable,
        _fixed(
            503,
            "Service Unavailable",
            "The store of files does not answer. Try again.",
            Retry_After=str(RETRY_SECONDS),
        ),
    ),
    (
        ClockSkewed,
        _fixed(
            503,
            "Service Unavailable",
            "This server's clock is wrong, so it does not write. Its operator has to set it.",
            Retry_After="60",
        ),
    ),
    (
        Conflict,
        _fixed(
            503,
            "Service Unavailable",
            "Too many change the same records at once. Try again.",
            Retry_After="1",
        ),
    ),
    (
        Corrupted,
        _fixed(
            503,
            "Service Unavailable",
            "The store of records is damaged. Its operator has to restore it.",
            Retry_After="60",
        ),
    ),
    (
        Unavailable,
        _fixed(
            503,
            "Service Unavailable",
            "The store of records does not answer. Try again: what was acknowledged is there.",
            Retry_After=str(RETRY_SECONDS),
        ),
    ),
)

#: Faults of ours, or of a store that lost something: logged with their trace, and never a 404.
_FAULT = Problem(
    500, "Internal Server Error", "Something failed here. Its operator can look it up."
)


def register(application: App[Request, Response]) -> None:
    """Have the application answer every error by this page."""
    for kind, _ in ANSWERS:
        application.add_error_handler(kind, _answer)
    application.add_error_handler(Exception, _answer)
    application.add_error_handler(HTTPError, _http_error)
    application.add_error_handler(HTTPStatus, _http_status)
    application.set_error_serializer(_serialize)


def problem_for(error: Exception) -> Problem | None:
    """The answer to an error, or None where it is a fault of ours."""
    for kind, answer in ANSWERS:
        if isinstance(error, kind):
            return answer(error)
    return None


def told(error: Exception) -> str | None:
    """An error as a command names it, or None where it is a fault of ours."""
    if isinstance(error, BlobError | MetadataError | AuthError):
        return str(error)
    problem = problem_for(error)
    return None if problem is None else problem.detail


def refusal(req: Request, error: Exception) -> Problem:
    """The answer to an error of a request, which is logged where that is the operator's matter."""
    problem = problem_for(error)
    if problem is None:
        _log.error("request %s failed", context_of(req).id, exc_info=error)
    elif isinstance(error, BlobError | MetadataError):
        # The client is told to come back; why is for the operator, who finds it by the id.
        _log.warning("request %s: %s: %s", context_of(req).id, type(error).__name__, error)
    return _FAULT if problem is None else problem


def _answer(req: Request, resp: Response, error: Exception, _params: dict[str, Any]) -> None:
    problem = refusal(req, error)
    if problem.status == 405 and req.path.startswith(_PUBLIC):
        detail = f"{problem.detail} {_READ_ALONE}"
        problem = Problem(405, problem.title, detail, problem.headers)
    _send(req, resp, problem)


def _http_error(req: Request, resp: Response, error: HTTPError, _params: dict[str, Any]) -> None:
    """The framework's own errors, in our form."""
    headers = (
        dict(error.headers or {}) if not isinstance(error.headers, list) else dict(error.headers)
    )
    detail = error.description or _NOTHING
    _send(req, resp, Problem(error.status_code, error.title or "Error", detail, headers))


def _http_status(_req: Request, resp: Response, error: HTTPStatus, _params: dict[str, Any]) -> None:
    resp.status = error.status
    resp.set_headers(error.headers or {})
    resp.text = error.text


def _serialize(_req: Request, _resp: Response, _error: HTTPError) -> None:
    raise RuntimeError("errors are answered by their handlers")


def _send(req: Request, resp: Response, problem: Problem) -> None:
    if refused_by_page(req, resp, problem):
        return
    resp.status = str(problem.status)
    by_form = is_form(req)
    if by_form:  # twine, PDM and Hatch show the status line alone
        resp.status = f"{problem.status} {spoken(problem.detail)}"
    resp.text = None
    resp.stream = None
    for name in resp.headers:
        resp.delete_header(name)  # it described what is not sent now: a file's bytes, say
    resp.set_headers(problem.headers)
    resp.content_type = problem.media_type
    resp.set_header("Cache-Control", "no-store")
    resp.data = render(problem, req.env[CONTEXT].id)
    if by_form:  # and uv, Poetry and flit show the body as it is
        resp.content_type = "text/plain; charset=utf-8"
        resp.data = f"{problem.detail}\n".encode()
    as_scim = scim_refusal(req, problem)
    if as_scim is not None:
        resp.status, resp.data = as_scim
        resp.content_type = SCIM_JSON


def _sentence(text: str) -> str:
    """A message as a sentence: errors here begin in lower case and end without a stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
