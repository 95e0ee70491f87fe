"""Rooms for histories, with records on each of the stores in turn."""

from tests.app.conftest import any_installation, dynamodb, installation, remote_installation

__all__ = ["any_installation", "dynamodb", "installation", "remote_installation"]
