"""What a report of `strongroom incident` says to do next: commands and requests, line by line."""

import json
from collections.abc import Iterator
from urllib.parse import quote

from app.incidents import Report
from app.incidents.touched import MARKED, Touched
from auth.records import time_text


def next_steps(report: Report, organization: str) -> Iterator[str]:
    """What to do next, in the order in which it helps."""
    org = f"--org {organization}"
    people = {one["id"] for one in report.credentials_left if one["kind"] == "user"}
    for left in report.credentials_left:
        if left["kind"] == "key":
            yield f"strongroom key delete {left['id']} {org}"
        elif left["kind"] == "session":
            people.add(left["user"])
        elif left["kind"] == "SCIM token":
            yield f"strongroom scim-token delete {left['id']} {org}"
        elif left["kind"] == "subscriber":
            yield f"strongroom subscriber update {left['id']} --disable {org}"
    for user in sorted(people):
        yield f"strongroom user update {user} --disable {org}"
    for row in report.readable:
        if row["public"] and "public" in row["changed"]:
            yield f'PATCH /api/repositories/{row["repository"]} {{"public": false}}'
    yield from _undoing(report)
    yield f"strongroom incident {report.target.id} --since {time_text(report.since)} {org}"


def _undoing(report: Report) -> Iterator[str]:
    """What puts each file back to what it was before any of it: by the first change of it."""
    first: dict[tuple[str, str], Touched] = {}
    for file in report.files:
        if file.change != MARKED:
            first.setdefault(file.place, file)
    for place, file in first.items():
        name = report.repositories.get(file.repository, file.repository)
        if file.version is not None:
            body = {"path": file.path, "version": file.version, "overwrite": True}
            yield f"POST /api/repositories/{name}/restore {json.dumps(body)}"
        elif place in report.served:
            yield f"DELETE /repositories/{name}/{quote(file.path)}"
