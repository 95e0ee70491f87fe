"""Importing: a folder of files comes into a repository as if its clients had sent them.

Nothing is trusted because it lies on a disk: every file goes through the publisher, with the
same checks, and no state is kept beside the records. What is there already is compared, so that
an import that was stopped anywhere is gone on with by running it again.
"""

from app.importing.importer import Importer
from app.importing.progress import Progress
from app.importing.report import Counts, Outcome, Tally
from app.importing.run import Import
from app.importing.survey import Survey

__all__ = ["Counts", "Import", "Importer", "Outcome", "Progress", "Survey", "Tally"]
