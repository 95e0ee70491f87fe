"""Repositories: what they are, how they are kept, and the one door to their contents."""

from app.repositories.catalogue import (
    Catalogue,
    InvalidRepository,
    RepositoryBusy,
    RepositoryExists,
    RepositoryMissing,
    Rules,
)
from app.repositories.deleted import DeletedRepositories, DeletedRepository
from app.repositories.door import (
    Door,
    Opened,
    RepositoryHidden,
    Visitor,
)
from app.repositories.names import ArtifactPath, FolderPath, InvalidName, RepositoryName
from app.repositories.refused import Refused
from app.repositories.repository import Format, Kind, Policy, Repository

__all__ = [
    "ArtifactPath",
    "Catalogue",
    "DeletedRepositories",
    "DeletedRepository",
    "Door",
    "FolderPath",
    "Format",
    "InvalidName",
    "InvalidRepository",
    "Kind",
    "Opened",
    "Policy",
    "Refused",
    "Repository",
    "RepositoryBusy",
    "RepositoryExists",
    "RepositoryHidden",
    "RepositoryMissing",
    "RepositoryName",
    "Rules",
    "Visitor",
]
