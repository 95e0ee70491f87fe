"""The management API: JSON in, JSON out, for administrators and for everyone's own keys."""
