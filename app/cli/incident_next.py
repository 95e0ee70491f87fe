"""What a report of `strongroom incident` says to do next: commands and requests, line by line."""

import json
from collections.abc import Iterator
from urllib.parse import quote

from app.incidents import Report
from app.incidents.versions import State
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
    """What puts each file back that is as suspects left it; any other may be good."""
    undone: set[tuple[str, str]] = set()
    for touched in report.files:
        if touched.now is not State.THEIRS or touched.place in undone:
            continue
        undone.add(touched.place)
        name = report.repositories.get(touched.repository, touched.repository)
        is_there = touched.file.present is not None
        if (version := touched.file.way_back) is not None:
            body: dict[str, str | bool] = {"path": touched.path, "version": version}
            # Where nothing is, nothing that comes meanwhile is to be replaced.
            body |= {"overwrite": True} if is_there else {}
            yield f"POST /api/repositories/{name}/restore {json.dumps(body)}"
        elif is_there:
            yield f"DELETE /repositories/{name}/{quote(touched.path)}"
