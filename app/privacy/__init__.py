"""Privacy: what is held about a person, and how it goes for good.

`families.py` is the page that says which records tell of a person; export, erasure and the
look that proves it all go by it. `ledger.py` keeps who was erased beside the records, so that
an older copy of them brings nobody back.
"""

from app.privacy.deleted import find_deleted
from app.privacy.erasure import Erasure, NotErasable
from app.privacy.export import Export
from app.privacy.families import FAMILIES, HOLDING_IDS, HOLDING_NONE
from app.privacy.ledger import Entry, Ledger
from app.privacy.person import Person, Several, find_person, others_with
from app.privacy.reapplying import PrivacyDuty, PrivacyLookDuty, Reapplied, Reapplying
from app.privacy.requests import Erasing, Request, Requests, State, erasing_by, erasing_request

__all__ = [
    "FAMILIES",
    "HOLDING_IDS",
    "HOLDING_NONE",
    "Entry",
    "Erasing",
    "Erasure",
    "Export",
    "Ledger",
    "NotErasable",
    "Person",
    "PrivacyDuty",
    "PrivacyLookDuty",
    "Reapplied",
    "Reapplying",
    "Request",
    "Requests",
    "Several",
    "State",
    "erasing_by",
    "erasing_request",
    "find_deleted",
    "find_person",
    "others_with",
]
