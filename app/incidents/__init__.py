"""Incidents: what a credential or a person did, what is affected, and who must be told."""

from app.incidents.findings import NOTICE, Report
from app.incidents.report import Incident
from app.incidents.targets import Target, Unknown, by_secret, find_target

__all__ = ["NOTICE", "Incident", "Report", "Target", "Unknown", "by_secret", "find_target"]
