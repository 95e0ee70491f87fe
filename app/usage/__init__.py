"""What repositories and organizations hold, and the quotas that bound it.

Every commit that changes files adds to two counters, a stripe of its repository's and one of
its organization's. A quota is divided over the stripes as allowances, so that a publish is
decided by its own stripes alone; only where these are spent are all of them asked.
"""

from app.usage.allotment import MOST_QUOTA_BYTES, Allotment, allot, first_allotment
from app.usage.errors import QuotaExceeded
from app.usage.quotas import UNFUNDED, Funding, Quotas
from app.usage.standing import Counters, Ledger, Limit, Standing, Stripe, Usage, stand

__all__ = [
    "MOST_QUOTA_BYTES",
    "UNFUNDED",
    "Allotment",
    "Counters",
    "Funding",
    "Ledger",
    "Limit",
    "QuotaExceeded",
    "Quotas",
    "Standing",
    "Stripe",
    "Usage",
    "allot",
    "first_allotment",
    "stand",
]
