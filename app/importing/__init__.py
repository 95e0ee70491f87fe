"""Importing: files come into a repository as if its clients had sent them.

They come from a folder, or from another index. Nothing is trusted for where it was found: every
file goes through the publisher, with the same checks, and no state is kept beside the records.
What is there already is compared, so that an import that was stopped anywhere is gone on with by
running it again.
"""

from app.importing.importer import Importer
from app.importing.index_origin import IndexOrigin
from app.importing.maven_folder import MavenSorting
from app.importing.origin import FolderOrigin, Origin
from app.importing.progress import Progress
from app.importing.python_folder import PythonSorting
from app.importing.report import Counts, Outcome, Tally
from app.importing.run import Import
from app.importing.survey import Survey

__all__ = [
    "Counts",
    "FolderOrigin",
    "Import",
    "Importer",
    "IndexOrigin",
    "MavenSorting",
    "Origin",
    "Outcome",
    "Progress",
    "PythonSorting",
    "Survey",
    "Tally",
]
