"""Where a store is that is not AWS's own: the option `endpoint` of either store's setting."""

from urllib.parse import urlsplit


def is_endpoint(text: str) -> bool:
    """Whether `text` is an http or https URL of a host, without credentials in it: whatever is
    wrong with it further on is shown in messages."""
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https")
            and parts.username is None
            and bool(parts.hostname)
            and parts.port != 0
        )
    except ValueError:  # of a port, or brackets
        return False
