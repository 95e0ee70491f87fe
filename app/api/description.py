"""The description of the service: OpenAPI 3.1, a file for each area, composed at the start.

The files beside this one say once what many operations share, so that an addition is a few
lines in its own area; what is served is whole, for tools that know nothing of that. The
service goes by it too: a query parameter that is not described is refused, so a misspelt
filter is never silently without effect, and a parameter that works is always described.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any, TypeAlias

from falcon import Request, Response

from app.visitors import confirmed
from middleware.declarations import MEMBER, by_method
from storage.metadata.recent import Recent

#: A JSON object, of OpenAPI.
Object: TypeAlias = dict[str, Any]

METHODS = ("get", "head", "put", "post", "patch", "delete")

#: In a file: this operation is described as that one, without the content of its answers.
_LIKE = "x-like"
#: In a file, at its top: the answers that all operations of a sort share.
_ANSWERS = "x-answers"
_FORM = "multipart/form-data"
#: In a file, of an operation: people ask for it too, and get a page for an error.
_PAGES = "x-pages"
#: In a file, of an operation: it is asked under `/scim`, where errors have SCIM's form.
_SCIM = "x-scim"
_TEXT = {"type": "string"}
_SCIM_ERROR = {"$ref": "#/components/schemas/ScimError"}
#: Of an operation: query parameters that are not described are `ignored`, not refused.
_OTHERS = "x-other-queries"


class Description:
    """`GET /api/openapi.json`."""

    # It tells nothing of an installation. But who has no credentials has no use for it, and so
    # nothing under `/api` answers them.
    needs = by_method(GET=MEMBER)

    def __init__(self, recent: Recent, description: Mapping[str, Any]) -> None:
        self._recent = recent
        self._text = json.dumps(description, ensure_ascii=False, indent=2).encode() + b"\n"

    def on_get(self, req: Request, resp: Response) -> None:
        """Send the description, to everyone who can sign in."""
        confirmed(req, self._recent)
        resp.content_type = "application/json"
        resp.data = self._text


def describe() -> Object:
    """The description of the whole service, from the files of the package."""
    folder = files("app.api") / "openapi"
    names = sorted(area.name for area in folder.iterdir() if area.name.endswith(".json"))
    return compose(json.loads((folder / name).read_text(encoding="utf-8")) for name in names)


def compose(areas: Iterable[Mapping[str, Any]]) -> Object:
    """One description of all areas, with what they share written out in each operation.

    Raises:
        ValueError: two areas describe the same thing.
    """
    whole: Object = {}
    for area in areas:
        _merge(whole, area, "")
    shared = whole.pop(_ANSWERS, {})
    for item in whole["paths"].values():
        for method in METHODS:
            if method in item:
                item[method] = _complete(whole, item, method, shared)
    return whole


def query_parameters(description: Mapping[str, Any]) -> dict[tuple[str, str], frozenset[str]]:
    """By path and method: the query parameters of each operation that refuses all others."""
    return {
        (path, method.upper()): frozenset(_query_names(description, item, item[method]))
        for path, item in description["paths"].items()
        for method in METHODS
        if method in item and item[method].get(_OTHERS) != "ignored"
    }


def _merge(into: Object, more: Mapping[str, Any], at: str) -> None:
    for name, value in more.items():
        if name not in into:
            into[name] = json.loads(json.dumps(value))
        elif isinstance(value, dict) and isinstance(into[name], dict):
            _merge(into[name], value, f"{at}/{name}")
        elif isinstance(value, list) and isinstance(into[name], list) and not at:
            into[name] += value  # the tags of an area
        else:
            raise ValueError(f"{at}/{name} is described twice")


def _complete(whole: Object, item: Object, method: str, shared: Mapping[str, Any]) -> Object:
    """An operation with everything in it that it shares with others."""
    operation: Object = dict(item[method])
    original = operation.pop(_LIKE, None)
    if original is not None:
        operation = item[original] | operation
    answers: Object = {}
    for sort in _sorts(whole, operation, method):
        answers |= shared.get(sort, {})
    answers |= operation["responses"]
    if _FORM in operation.get("requestBody", {}).get("content", {}):
        answers = {
            status: _told_too(whole, answer, "text/plain") for status, answer in answers.items()
        }
    if operation.pop(_PAGES, False):
        answers = {
            status: _told_too(whole, answer, "text/html") for status, answer in answers.items()
        }
    if operation.pop(_SCIM, False):
        answers = {
            status: _told_too(whole, answer, "application/scim+json", _SCIM_ERROR)
            for status, answer in answers.items()
        }
    if method == "head":
        answers = {status: _bodiless(whole, answer) for status, answer in answers.items()}
    return operation | {"responses": dict(sorted(answers.items()))}


def _sorts(whole: Object, operation: Object, method: str) -> Iterator[str]:
    """Which of the shared answers an operation gives; a later sort has the last word."""
    yield "always"
    if operation.get(_OTHERS) != "ignored":
        yield "described query"
    if operation.get("security", whole["security"]):
        yield "signed in"
    if method not in ("get", "head"):
        yield "changing"
    if "application/json" in operation.get("requestBody", {}).get("content", {}):
        yield "json body"


def _told_too(
    whole: Object, answer: Object, type_: str, schema: Mapping[str, Any] = _TEXT
) -> Object:
    """An answer whose problem is told in another form, too: as text to tools that send forms,
    whose status line tells it as well, as a page, or as SCIM does."""
    answer = dict(_found(whole, answer))
    content = answer.get("content", {})
    if "application/problem+json" in content:
        answer["content"] = {**content, type_: {"schema": dict(schema)}}
    return answer


def _bodiless(whole: Object, answer: Object) -> Object:
    """An answer as HEAD gives it: its headers, and no content (RFC 9110, section 9.3.2)."""
    return {name: value for name, value in _found(whole, answer).items() if name != "content"}


def _query_names(whole: Mapping[str, Any], item: Object, operation: Object) -> Iterator[str]:
    for given in (*item.get("parameters", ()), *operation.get("parameters", ())):
        parameter = _found(whole, given)
        if parameter["in"] == "query":
            yield parameter["name"]


def _found(whole: Mapping[str, Any], value: Object) -> Object:
    """What a reference leads to, or the value itself, which is none."""
    if "$ref" not in value:
        return value
    found: Any = whole
    for name in value["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return _found(whole, found)
