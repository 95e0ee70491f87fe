"""What a SCIM server answered, held against what all of its answers promise."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.cli.command import Serving

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


#: What is expected of an attribute that is not to be shown.
ABSENT = _Absent()
#: Statuses of a PATCH that was carried out; with 204 there is nothing to look at.
CHANGED = (200, 204)


@dataclass(frozen=True)
class Said:
    """An answer: `json` is None where there was no body."""

    status: int
    headers: Mapping[str, str]
    json: Any

    def shows(self, expected: Any) -> "Said":
        """Assert that all of `expected` is in the body; what else there is does not matter."""
        differs = "; ".join(differences(expected, self.json))
        assert not differs, f"{differs}, in {self}"
        return self

    def refused(self, status: int, kind: str | None = None) -> "Said":
        """Assert that it is this error, with this `scimType`."""
        assert (self.status, (self.json or {}).get("scimType")) == (status, kind), self
        return self


def said(
    serving: Serving, method: str, target: str, headers: Mapping[str, str], value: Any = None
) -> Said:
    """One request, with `value` as JSON or, if it is bytes, as it is."""
    body = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    status, named, answer = serving.ask(method, target, headers, body)
    found = Said(status, named, json.loads(answer) if answer else None)
    _check(found)
    return found


def differences(expected: Any, found: Any, at: str = "the answer") -> list[str]:
    """Where `found` lacks what is expected: of objects what is named, of lists all items."""
    if isinstance(expected, dict):
        if not isinstance(found, dict):
            return [f"{at} is {found!r}, and no object"]
        return [
            one
            for name, value in expected.items()
            for one in differences(value, found.get(name, ABSENT), f"{at}.{name}")
        ]
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return [f"{at} is {found!r}, and not {len(expected)} items"]
        return [
            one
            for number, (value, item) in enumerate(zip(expected, found, strict=True))
            for one in differences(value, item, f"{at}[{number}]")
        ]
    if expected is ABSENT:
        return [] if found is ABSENT or found is None or found == [] else [f"{at} is {found!r}"]
    # True is no 1, and "False" no False.
    same = expected == found and (type(expected) is type(found) or not isinstance(found, bool))
    return [] if same else [f"{at} is {found!r}, and not {expected!r}"]


def _check(found: Said) -> None:
    """RFC 7644: section 3.1 (the type), 3.12 (errors), 3.14 (versions), 3.3 (the location)."""
    if found.json is None:
        assert found.status in (204, 304), found
        return
    assert found.headers["content-type"].partition(";")[0] == "application/scim+json", found
    if found.status >= 400:
        assert found.json["schemas"] == [ERROR], found
        assert found.json["status"] == str(found.status), found
        assert found.json["detail"], found
        return
    if found.json["schemas"] == [LIST]:
        assert isinstance(found.json["totalResults"], int), found
        return
    meta = found.json.get("meta")
    if meta is not None and "version" in meta:
        assert found.headers["etag"] == meta["version"], found
    if found.status == 201:
        assert found.headers["location"] == meta["location"], found
        assert meta["location"].endswith(f"/{found.json['id']}"), found
