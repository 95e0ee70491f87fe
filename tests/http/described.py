"""Every answer that a test sees, held against the description of the service.

An answer that is not described (its status, type, a field more or less, a header of another
form) fails the test that got it; so does a request that succeeded and is not described.
"""

import functools
import gzip
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from app.api.description import METHODS, describe

_URI = "urn:description"
#: Not described: answered to requests that reached no route.
_UNROUTED = "-"


@functools.cache
def closed_description() -> Mapping[str, Any]:
    """The description, with every object closed that says which fields it has: an answer may
    grow by a field that clients do not know, but not by one that is not described."""
    description = describe()
    for schema in _objects(description):
        if "properties" in schema and schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
    return description


def check_described(
    method: str,
    template: str,
    query: str,
    sent: bytes | None,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
) -> None:
    """Assert that an answer, and the request where it succeeded, are as described.

    Args:
        method: of the request.
        template: of the route that answered, `-` where there is none.
        query: of the request.
        sent: the JSON that was sent, None where none was.
        status: of the answer.
        headers: of the answer, with names in lower case.
        body: of the answer.
    """
    if template == _UNROUTED or method.lower() not in METHODS:
        return
    path = template.replace(":path}", "}")
    item = closed_description()["paths"].get(path)
    assert item is not None, f"{path} is not in app/api/openapi"
    if status == 405 and method.lower() not in item:
        return
    assert method.lower() in item, f"{method} {path} is not in app/api/openapi"
    place = f"{method} {path}"
    operation = item[method.lower()]
    assert str(status) in operation["responses"], f"{place}: {status} is not described"
    if 200 <= status < 300:
        _check_request(place, item, operation, query, sent)
    _check_answer(f"{place}: {status}", operation["responses"][str(status)], headers, body)


def _check_request(
    place: str,
    item: Mapping[str, Any],
    operation: Mapping[str, Any],
    query: str,
    sent: bytes | None,
) -> None:
    given = [found(one) for one in (*item.get("parameters", ()), *operation.get("parameters", ()))]
    schemas = {one["name"]: one["schema"] for one in given if one["in"] == "query"}
    if operation.get("x-other-queries") != "ignored":
        for name, text in parse_qsl(query, keep_blank_values=True):
            assert name in schemas, f"{place}: '?{name}=' is not described"
            value = int(text) if text.isdecimal() and _is_number(schemas[name]) else text
            _assert_valid(f"{place}: '?{name}='", schemas[name], value)
    content = found(operation.get("requestBody", {})).get("content", {})
    for type_ in ("application/json", "application/scim+json"):
        if sent is not None and type_ in content:
            schema = content[type_]["schema"]
            _assert_valid(f"{place}: what was sent", schema, json.loads(sent))


def _check_answer(
    place: str, answer: Mapping[str, Any], headers: Mapping[str, str], body: bytes
) -> None:
    answer = found(answer)
    for name, given in answer.get("headers", {}).items():
        header, value = found(given), headers.get(name.lower())
        assert value is not None or not header.get("required"), f"{place}: no {name}"
        if value is not None:
            typed = int(value) if _is_number(header["schema"]) else value
            _assert_valid(f"{place}: {name}", header["schema"], typed)
    if not body:
        return
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    content = answer.get("content", {})
    type_ = headers.get("content-type", "").partition(";")[0]
    assert type_ in content or "*/*" in content, f"{place}: {type_ or 'a body'} is not described"
    if type_ == "application/x-ndjson":
        for line in filter(None, body.splitlines()):
            _assert_valid(f"{place}: a line", content[type_]["schema"], json.loads(line))
        return
    # A file may be of any type and hold anything: only what the service wrote is looked into.
    if type_.endswith("json") and "*/*" not in content:
        _assert_valid(f"{place}: the answer", content[type_]["schema"], json.loads(body))


def found(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference leads to, or the value itself, which is none."""
    if "$ref" not in value:
        return value
    target: Any = closed_description()
    for name in value["$ref"].removeprefix("#/").split("/"):
        target = target[name]
    return found(target)


def _is_number(schema: Mapping[str, Any]) -> bool:
    return found(schema).get("type") == "integer"


def _assert_valid(place: str, schema: Mapping[str, Any], value: Any) -> None:
    error = next(_validator(json.dumps(schema)).iter_errors(value), None)
    if error is not None:
        at = "/".join(map(str, error.absolute_path))
        raise AssertionError(f"{place}: at '/{at}': {error.message[:500]}")


@functools.cache
def _validator(schema: str) -> Draft202012Validator:
    resource = DRAFT202012.create_resource(closed_description())
    registry: Registry[Any] = Registry().with_resource(_URI, resource)
    absolute = re.sub(r'"\$ref": "#/', f'"$ref": "{_URI}#/', schema)
    return Draft202012Validator(json.loads(absolute), registry=registry)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from _objects(inner)
