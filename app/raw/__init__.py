"""Raw repositories: files under paths, for curl and scripts."""

from app.raw.files import RawFiles

__all__ = ["RawFiles"]
