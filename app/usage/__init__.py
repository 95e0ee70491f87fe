"""What repositories and organizations hold, and the quotas that bound it.

Every commit that changes files adds to two counters, a stripe of its repository's and one of
its organization's. A quota is divided over the stripes as allowances, so that a publish is
decided by its own stripes alone; only where these are spent are all of them asked.
"""

from app.usage.allotment import MOST_QUOTA_BYTES, Allotment, Quota, allot
from app.usage.errors import QuotaExceeded
from app.usage.ledger import (
    Balance,
    Counters,
    Ledger,
    Limit,
    Stripe,
    Usage,
    balances_of,
    settled_balance,
)
from app.usage.organization import FoundingQuota, OrganizationQuotas
from app.usage.quotas import UNFUNDED, Funding, Quotas

__all__ = [
    "MOST_QUOTA_BYTES",
    "UNFUNDED",
    "Allotment",
    "Balance",
    "Counters",
    "FoundingQuota",
    "Funding",
    "Ledger",
    "Limit",
    "OrganizationQuotas",
    "Quota",
    "QuotaExceeded",
    "Quotas",
    "Stripe",
    "Usage",
    "allot",
    "balances_of",
    "settled_balance",
]
