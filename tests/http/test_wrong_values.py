"""Every query parameter and field that is described, sent wrong: 422, and it is named.

What is wrong is read off the description, so an operation that is added is asked too.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from app.api.description import METHODS
from tests.http.described import closed_description, found
from tests.http.distributed import outsider, scim_token
from tests.http.signed_in import in_session
from tests.http.stand import Stand


class Wrong(NamedTuple):
    """One request with one thing wrong in it."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    field: str

    def __str__(self) -> str:
        sent = urlencode(self.query) or json.dumps(self.body)
        return f"{self.method} {self.path} {sent}"[:120]


#: Of each type, what is none.
OTHERS: Mapping[str, Any] = {
    "string": 5,
    "boolean": "yes",
    "integer": "five",
    "object": ["a"],
    "array": {"a": 1},
}
#: What has to be beside a field of a restore, which has several forms.
BESIDE: Mapping[str, Mapping[str, Any]] = {
    "path": {},
    "version": {"path": "a"},
    "overwrite": {"path": "a"},
    "time": {},
    "dry_run": {"time": "2026-11-24T12:00:00Z"},
    "id": {},
    "name": {"id": "a"},
}
_RESTORE = "/api/repositories/{name}/restore"


def _wrong() -> Iterator[Wrong]:
    for path, item in closed_description()["paths"].items():
        for method in METHODS:
            if method in item and item[method].get("x-other-queries") != "ignored":
                yield from _wrong_queries(method, path, item)
                yield from _wrong_bodies(method, path, item[method])


def _wrong_queries(method: str, path: str, item: Mapping[str, Any]) -> Iterator[Wrong]:
    operation = item[method]
    given = [found(one) for one in (*item.get("parameters", ()), *operation.get("parameters", ()))]
    parameters = {one["name"]: one for one in given if one["in"] == "query"}
    needed = {
        name: str(one.get("example", "")) for name, one in parameters.items() if one.get("required")
    }
    for name, parameter in parameters.items():
        for text in _wrong_texts(found(parameter["schema"])):
            yield Wrong(method.upper(), path, needed | {name: text}, _example(operation), name)


def _wrong_texts(schema: Mapping[str, Any]) -> Iterator[str]:
    if "enum" in schema:
        yield from ("", "TRUE", "neither")
    if schema.get("type") == "integer":
        yield from ("", "x", "1.5", "+1", " 1", "1_0", "٣", str(schema["maximum"] + 1), "-1")
        if schema["minimum"] > 0:
            yield str(schema["minimum"] - 1)
    if schema.get("format") == "date-time":
        yield from ("", "yesterday", "2026-11-24", "2026-11-24T12:00:00", "2026-13-01T00:00:00Z")
    if "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)


def _wrong_bodies(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[Wrong]:
    example = _example(operation)
    if example is None:
        return
    schema = found(operation["requestBody"]["content"]["application/json"]["schema"])
    yield Wrong(method.upper(), path, {}, example | {"naem": 1}, "naem")
    for name in schema.get("required", ()):
        without = {key: value for key, value in example.items() if key != name}
        yield Wrong(method.upper(), path, {}, without, name)
        yield Wrong(method.upper(), path, {}, example | {name: None}, name)
    for name, described in schema.get("properties", {}).items():
        for type_ in _types(described):
            base = BESIDE[name] if path == _RESTORE else example
            yield Wrong(method.upper(), path, {}, base | {name: OTHERS[type_]}, name)


def _types(schema: Mapping[str, Any]) -> Iterator[str]:
    schema = found(schema)
    for one in (schema, *map(found, schema.get("anyOf", ()))):
        types = one.get("type", [])
        yield from (
            type_ for type_ in ([types] if isinstance(types, str) else types) if type_ in OTHERS
        )


def _example(operation: Mapping[str, Any]) -> Any:
    content = found(operation.get("requestBody", {})).get("content", {})
    return content["application/json"]["example"] if "application/json" in content else None


WRONG = list(_wrong())


def test_there_is_much_that_can_be_wrong() -> None:
    asked = {(one.method, one.path) for one in WRONG}
    assert len(asked) >= 25
    assert len(WRONG) >= 150


@pytest.mark.parametrize("path", sorted({one.path for one in WRONG}))
def test_what_is_wrong_is_refused_and_named(memory_stand: Stand, path: str) -> None:
    stand = memory_stand
    stand.repository("files", public=True)
    stand.repository("builds")  # of the examples
    stand.admins.put("/repositories/files/a/b", b"b")
    person = stand.person()
    names = {
        "repository": "files",
        "name": "files",
        "path": "a",
        "user": person.id,
        "key": person.key_id,
        "group": stand.group({}, person).id,
        "job": stand.job(person.id),
        "project": "foo",
        "version": "1.0",
        "filename": "foo-1.0.tar.gz",
        "token": scim_token(stand).token.id,
    }
    if path.startswith("/api/subscriber"):
        outside = outsider(stand)
        names |= {"subscriber": outside.id, "group": outside.group, "key": outside.key_id}
    # A second factor is managed by who signed in.
    asks = in_session(stand, stand.admin) if path.startswith("/auth/") else stand.admins
    for one in WRONG:
        if one.path != path:
            continue
        target = one.path.format(**names)
        asked = f"{target}?{urlencode(one.query)}" if one.query else target
        answer = asks.ask(one.method, asked, json=one.body)
        assert answer.status == 422, (str(one), answer.body)
        if one.method != "HEAD":
            assert answer.json["field"].split(".")[0].split("[")[0] == one.field, str(one)
