"""`/api/users/ID/hand-over`: a user's API keys go to another, so that builds go on.

What only the user himself can end is named in the answer: uploads that he has begun, and jobs
that he asked for.
"""

from collections.abc import Sequence
from typing import Any

from falcon import Request, Response

from app.api.answers import grants_json
from app.api.reading import read_fields
from app.publishing.session import Session
from app.repositories import Catalogue
from app.visitors import authority_of, confirmed
from auth.hand_over import HandedOver, HandOvers
from auth.principals import names_of
from middleware.declarations import MANAGER, by_method
from storage import keys
from storage.metadata.recent import Recent

#: Uploads and jobs that an answer names.
NAMED_MOST = 100


class HandOver:
    """`POST /api/users/ID/hand-over`."""

    needs = by_method(POST=MANAGER)

    def __init__(self, recent: Recent, hand_overs: HandOvers, catalogue: Catalogue) -> None:
        self._recent = recent
        self._hand_overs = hand_overs
        self._catalogue = catalogue

    def on_post(self, req: Request, resp: Response, user: str) -> None:
        """Hand over all keys of a user, and tell of each what it may do now."""
        by = authority_of(req, confirmed(req, self._recent))
        fields = read_fields(req)
        to = fields.required("to")
        fields.finish()
        handed = self._hand_overs.hand_over(by, user, to)
        resp.media = {
            "keys": handed_json(self._catalogue, by.organization, handed),
            **left_open(self._recent, self._catalogue, by.organization, user),
        }


def handed_json(
    catalogue: Catalogue, organization: str, handed: Sequence[HandedOver]
) -> list[dict[str, Any]]:
    """What became of each key: its scopes now, and whether it may do less than before."""
    names = catalogue.names(organization, names_of(one.key.scopes or {} for one in handed))
    return [
        {
            "id": one.key.id,
            "name": one.key.name,
            "scopes": grants_json(one.key.scopes or {}, names),
            "narrowed": one.narrowed,
        }
        for one in handed
    ]


def left_open(
    recent: Recent, catalogue: Catalogue, organization: str, user_id: str
) -> dict[str, list[Any]]:
    """The jobs and uploads of a user that have not ended, up to 100 of each: nothing of them
    is handed over."""
    prefix = f"{user_id}/"
    jobs = recent.query(keys.open_jobs(organization), prefix, "", NAMED_MOST).records
    noted = recent.query(keys.open_sessions(organization), prefix, "", NAMED_MOST).records
    ids = [note.key.sort.removeprefix(prefix) for note in noted]
    found = recent.get(*(keys.session(organization, one) for one in ids)) if ids else {}
    now = recent.metadata.now()
    read = [Session.read(organization, record) for record in found.values()]
    uploads = [one for one in read if one.result is None and one.expires > now]
    names = catalogue.names(organization, sorted({one.repository for one in uploads}))
    return {
        "jobs": [note.key.sort.removeprefix(prefix) for note in jobs],
        "uploads": [
            {"repository": names[one.repository], "path": one.path}
            for one in uploads
            if one.repository in names
        ],
    }
