"""Documents that are computed of records when somebody asks for them, and remembered."""

from app.computed.views import SETTLED_SECONDS, Rendered, View, Views

__all__ = ["SETTLED_SECONDS", "Rendered", "View", "Views"]
