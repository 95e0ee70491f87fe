"""Uploads in pieces: `POST PATH?uploads` begins one, and its `Location` is all of it then.

`PATCH` sends a piece, `HEAD` and `GET` tell how far it is, `PUT` makes it a file, `DELETE`
drops it. Whoever begins one is the only one who may know of it.
"""

from datetime import UTC
from typing import Any
from urllib.parse import quote

from falcon import HTTP_200, HTTP_201, HTTP_202, HTTP_204, Request, Response

from app.publishing import Publication, Publisher
from app.publishing.place import Place
from app.publishing.session import Session
from app.publishing.sessions import Sessions, Terms, Ticket, session_keys
from app.publishing.sessions_pieces import Pieces
from app.raw.terms import (
    conditions_of,
    expectations_of,
    named,
    refuse_encodings,
)
from app.raw.uploads_ending import UploadEnds
from app.raw.uploads_headers import InvalidUpload, parse_length, parse_piece
from app.repositories import ArtifactPath, Door, Opened, RepositoryName
from app.visitors import actor_of, visitor_of
from auth.principals import Action
from middleware.body import open_body
from middleware.problems import invalid_field

BEGINS, NAMES = "uploads", "upload"  # the parameters of the query


def is_about_an_upload(req: Request) -> bool:
    """Whether a request names an upload, and not the file."""
    return bool(req.query_string) and NAMES in req.params


class Uploads:
    """Answers what is asked of uploads."""

    def __init__(
        self,
        door: Door,
        publisher: Publisher,
        sessions: Sessions,
        pieces: Pieces,
        ends: UploadEnds,
    ) -> None:
        self._door = door
        self._publisher = publisher
        self._sessions = sessions
        self._pieces = pieces
        self.ends = ends

    def begin(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Begin an upload: 201."""
        if BEGINS not in req.params:
            raise invalid_field(BEGINS, "is missing: POST begins an upload, at PATH?uploads")
        refuse_encodings(req)
        _refuse_body(req, "the bytes are sent to the Location that is answered, by PATCH")
        name, address = RepositoryName.parse(repository), ArtifactPath.parse(path)
        terms = Terms(
            parse_length(req.env.get("HTTP_UPLOAD_LENGTH")),
            expectations_of(req),
            conditions_of(req).for_writing(),
        )
        opened = self._door.open(
            visitor_of(req), name, Action.WRITE, lambda found: Place.at(found, address).keys()
        )
        place, principal = Place.at(opened.repository, address), named(opened)
        foreseen = Publication(place, actor_of(req, principal), precondition=terms.precondition)
        self._publisher.foresee(foreseen, terms.length, opened.records)
        session = self._sessions.begin(place, principal.user_id, terms)
        resp.status = HTTP_201
        resp.set_header("Location", _location(req, session))
        _tell(req, resp, session)

    def append(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Take a piece: 202, with the offset that is durable."""
        if NAMES not in req.params:
            raise invalid_field(NAMES, "is missing: PATCH sends a piece to an upload's Location")
        refuse_encodings(req)
        if any(name.startswith(("HTTP_X_CHECKSUM_", "HTTP_REPR_DIGEST")) for name in req.env):
            raise InvalidUpload(
                "a piece has no digest of the file: send that with POST or PUT, and here"
                " Content-Digest, of the piece"
            )
        piece = parse_piece(req.env.get("HTTP_CONTENT_RANGE"), expectations_of(req))
        opened, session = self._find(req, repository, path, whole=True)
        if session.length is None:
            place = Place.at(opened.repository, ArtifactPath.parse(path))
            if piece.total is None:
                self._publisher.foresee_growth(place, piece.end, opened.records)
            else:  # as where the POST tells it
                foreseen = Publication(
                    place, actor_of(req, named(opened)), precondition=session.precondition
                )
                self._publisher.foresee(foreseen, piece.total, opened.records)
        _tell(req, resp, self._pieces.append(session, piece, open_body(req.env)))
        resp.status = HTTP_202

    def show(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Tell how far an upload is: 200."""
        _, session = self._find(req, repository, path)
        _tell(req, resp, session)
        resp.status = HTTP_200

    def complete(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Make an upload a file: 201 or 200, as a PUT of the file, or 202; again the same."""
        _refuse_body(req, "send the bytes by PATCH; PUT completes the upload")
        expectations, precondition = expectations_of(req), conditions_of(req).for_writing()
        opened, session = self._find(req, repository, path, whole=True)
        address = ArtifactPath.parse(path)
        place, actor = Place.at(opened.repository, address), actor_of(req, named(opened))
        publication = Publication(place, actor, expectations, precondition)
        self.ends.answer(resp, session, publication, opened.records)

    def drop(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Drop an upload: 204."""
        _, session = self._find(req, repository, path)
        self._sessions.drop(session)
        resp.status = HTTP_204

    def _find(
        self, req: Request, repository: str, path: str, *, whole: bool = False
    ) -> tuple[Opened, Session]:
        """The session that a request names. One read brings it, the grant, and with `whole`
        the records that decide on the file. Raises what the door raises, and SessionMissing."""
        name, address = RepositoryName.parse(repository), ArtifactPath.parse(path)
        text = req.get_param(NAMES, default="")
        visitor = visitor_of(req)
        session = session_keys(visitor.organization, text)
        opened = self._door.open(
            visitor,
            name,
            Action.WRITE,
            lambda found: (*session, *(Place.at(found, address).keys() if whole else ())),
        )
        ticket = Ticket(text, Place.at(opened.repository, address), named(opened).user_id)
        return opened, self._sessions.find(ticket, opened.records)


def _refuse_body(req: Request, instead: str) -> None:
    if open_body(req.env).length != 0:
        raise InvalidUpload(f"this takes no body: {instead}")


def _location(req: Request, session: Session) -> str:
    return f"{quote(req.path)}?{NAMES}={session.id}"


def _tell(req: Request, resp: Response, session: Session) -> None:
    """How far an upload is, in headers and as JSON."""
    resp.set_header("Cache-Control", "no-store")
    resp.set_header("Upload-Offset", str(session.offset))
    if session.length is not None:
        resp.set_header("Upload-Length", str(session.length))
    told: dict[str, Any] = {
        "location": _location(req, session),
        "offset": session.offset,
        "length": session.length,
        "piece_bytes": session.piece_bytes,
        "complete": session.result is not None,
        "expires": session.expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    resp.media = told
