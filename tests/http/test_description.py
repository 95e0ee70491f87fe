"""The description of the API is valid, whole and true; and the service goes by it.

That every answer is as described is proven by all tests: `tests/http/client.py` holds each
that it gets against the description (`tests/http/described.py`).
"""

import configparser
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.api.description import METHODS, compose, describe, query_parameters
from app.server import head
from tests.http.client import Client
from tests.http.described import check_described, closed_description
from tests.http.provisioning import provider
from tests.http.stand import Stand
from tests.parts import ROOT

FILES = sorted((ROOT / "app" / "api" / "openapi").glob("*.json"))
WHOLE = describe()
OPERATIONS = {
    (path, method.upper()): operation
    for path, item in WHOLE["paths"].items()
    for method, operation in item.items()
    if method in METHODS
}


def every(name: str, value: Any) -> Iterator[Any]:
    """All values under a name, however deep."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inner:
        if key == name:
            yield one
        if isinstance(one, dict | list):
            yield from every(name, one)


def test_it_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(WHOLE).validate()
    assert WHOLE["openapi"].startswith("3.1.")


def test_every_route_is_described_and_nothing_else(memory_stand: Stand) -> None:
    routes = memory_stand.process.routes.declared.values()
    served = {(route.path, method) for route in routes for method in route.methods}
    assert sorted(served - OPERATIONS.keys()) == [], "not in app/api/openapi"
    assert sorted(OPERATIONS.keys() - served) == [], "not served"


def test_who_may_call_is_described_as_it_is_declared(memory_stand: Stand) -> None:
    for route in memory_stand.process.routes.declared.values():
        for method in route.methods:
            security = OPERATIONS[route.path, method].get("security", WHOLE["security"])
            assert bool(security) is route.needs[method].identified, (route.path, method)


def test_every_operation_can_be_told_and_read() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in WHOLE["tags"]}
    for place, operation in OPERATIONS.items():
        assert operation["summary"], place
        assert set(operation["tags"]) <= tags, place


def test_every_error_is_a_problem() -> None:
    for place, operation in OPERATIONS.items():
        for status, answer in operation["responses"].items():
            if status < "400" or place[1] == "HEAD" or (place[0], status) == ("/readyz", "503"):
                continue
            name = answer.get("$ref", "").rpartition("/")[2]
            content = WHOLE["components"]["responses"][name] if name else answer
            # Maven takes a problem document for something else than an absence.
            of_a_file = (place[0].endswith("/{path}"), status) == (True, "404")
            more = {"application/json"} if of_a_file and place[1] == "GET" else set()
            if "multipart/form-data" in operation.get("requestBody", {}).get("content", {}):
                more = {"text/plain"}  # tools show what they get as it is
            if place[0].startswith("/auth/") and "text/html" in content["content"]:
                more = {"text/html"}  # people get a page
            if place[0].startswith("/scim/"):
                more = {"application/scim+json"}  # the service's own, not what the server refuses
            kinds = {"application/problem+json", *more}
            assert content["content"].keys() == kinds, (place, status)


def test_what_the_server_itself_refuses_is_described_everywhere() -> None:
    refusals = {
        value[:3]
        for value in vars(head).values()
        if isinstance(value, str) and re.fullmatch(r"[45]\d\d [A-Z][A-Za-z ]+", value)
    }
    assert refusals >= {"400", "408", "414", "417", "431", "501"}
    for place, operation in OPERATIONS.items():
        assert refusals <= operation["responses"].keys(), place


def test_every_body_refuses_fields_that_it_does_not_know() -> None:
    for place, operation in OPERATIONS.items():
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert WHOLE["components"]["schemas"][name]["additionalProperties"] is False, place


def test_every_number_of_a_request_has_bounds() -> None:
    for operation in OPERATIONS.values():
        for parameter in operation.get("parameters", ()):
            schema = _resolved(parameter).get("schema", {})
            if schema.get("type") == "integer":
                assert {"minimum", "maximum"} <= schema.keys(), parameter


def test_every_reference_leads_somewhere_and_everything_shared_is_used() -> None:
    used = set(every("$ref", WHOLE))
    for reference in used:
        _resolved({"$ref": reference})
    shared = {
        f"#/components/{kind}/{name}"
        for kind, names in WHOLE["components"].items()
        if kind != "securitySchemes"
        for name in names
    }
    assert shared - used == set()


def test_every_example_is_one() -> None:
    """Of bodies and answers: an example that the service would refuse is worse than none."""
    for media in (*every("application/json", WHOLE), *every("application/scim+json", WHOLE)):
        if "example" in media:
            schema = {**media["schema"], "components": closed_description()["components"]}
            Draft202012Validator(schema).validate(media["example"])


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_a_file_is_laid_out_as_json_writes_it(file: Path) -> None:
    """So that a change is a difference in the lines that it changes."""
    text = file.read_text()
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


def test_it_carries_the_version_of_the_software() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert WHOLE["info"]["version"] == setup["metadata"]["version"]


def test_it_is_served_as_it_is(memory_stand: Stand) -> None:
    answer = memory_stand.admins.get("/api/openapi.json")
    assert answer.json == WHOLE
    assert answer.headers["content-type"] == "application/json"


def test_nothing_of_the_form_of_the_files_is_left_in_it() -> None:
    text = json.dumps(WHOLE)
    assert set(re.findall(r'"(x-[a-z-]+)"', text)) == {"x-other-queries"}


# The composition


def _small(*paths: str) -> dict[str, Any]:
    operation = {"operationId": "a", "responses": {"200": {"description": "b"}}}
    return {"security": [], "paths": {path: {"get": operation} for path in paths}}


def test_areas_are_put_together() -> None:
    one, other = _small("/a"), {"paths": _small("/b")["paths"]}
    assert compose([one, other])["paths"].keys() == {"/a", "/b"}
    assert one["paths"].keys() == {"/a"}, "what was given stays as it was"


def test_what_two_areas_describe_is_refused() -> None:
    with pytest.raises(ValueError, match="/paths//a/get/operationId is described twice"):
        compose([_small("/a"), {"paths": _small("/a")["paths"]}])


def test_an_answer_of_the_operation_s_own_stands_before_a_shared_one() -> None:
    area = _small("/a")
    area["x-answers"] = {"always": {"200": {"description": "shared"}, "400": {"description": "c"}}}
    responses = compose([area])["paths"]["/a"]["get"]["responses"]
    assert responses == {"200": {"description": "b"}, "400": {"description": "c"}}


def test_head_is_described_as_get_without_content() -> None:
    area = _small("/a")
    get = area["paths"]["/a"]["get"]
    get["responses"]["200"]["content"] = {"text/plain": {}}
    area["paths"]["/a"]["head"] = {"operationId": "h", "x-like": "get"}
    head = compose([area])["paths"]["/a"]["head"]
    assert head == {"operationId": "h", "responses": {"200": {"description": "b"}}}


# What the description decides


ASKED = [
    (path, method)
    for (path, method), names in query_parameters(WHOLE).items()
    if "limit" not in names
]


@pytest.mark.parametrize("path, method", OPERATIONS)
def test_a_parameter_that_is_not_described_is_refused_and_named(
    memory_stand: Stand, path: str, method: str
) -> None:
    """Everywhere but where a file is fetched, and where there is nothing to be told apart."""
    memory_stand.repository("files", public=True)
    memory_stand.admins.put("/repositories/files/a", b"a")
    target = re.sub(r"\{(repository|name)\}", "files", path).replace("{path}", "a")
    target = re.sub(r"\{\w+\}", "ab2cd3ef4gh5ij6k", target)
    asks = memory_stand.admins
    if path.startswith("/scim/") and not path.endswith("/Me"):
        asks = provider(memory_stand).client
    answer = asks.ask(method, f"{target}?limt=5", json={})
    if OPERATIONS[path, method].get("x-other-queries") == "ignored":
        assert answer.status == asks.ask(method, target, json={}).status
        assert answer.status in (200, 301) or path.startswith("/scim/")
        assert "limt" not in answer.text
        return
    assert answer.status == 422
    if method != "HEAD":
        assert answer.json["field"] == "limt"


@pytest.mark.parametrize("query", ["limit=1&limit=2", "after=&after=", "limit=1&%6cimit=1"])
@pytest.mark.parametrize("path", ["/api/users", "/repositories/files/", "/repositories/files/a/"])
def test_a_parameter_that_is_given_twice_is_refused(
    memory_stand: Stand, path: str, query: str
) -> None:
    memory_stand.repository("files")
    memory_stand.admins.put("/repositories/files/a/b", b"b")
    answer = memory_stand.admins.get(f"{path}?{query}")
    assert (answer.status, answer.json["field"]) == (422, query.partition("=")[0])
    assert memory_stand.admins.get(f"{path}?after=%ff").status == 400


def test_who_has_no_credentials_is_not_told_of_parameters(memory_stand: Stand) -> None:
    for path, method in ASKED:
        if OPERATIONS[path, method].get("security", WHOLE["security"]):
            assert memory_stand.client.ask(method, f"{path}?limt=5").status == 401


# What holds the answers against it


def check(status: int, body: Any, **more: Any) -> None:
    given = {"method": "GET", "template": "/api/users", "query": "", "sent": None, **more}
    headers = {"content-type": "application/json", **given.pop("headers", {})}
    check_described(status=status, headers=headers, body=json.dumps(body).encode(), **given)


def test_an_answer_that_is_not_described_is_noticed(memory_stand: Stand) -> None:
    page = memory_stand.admins.get("/api/users").json
    check(200, page)
    user = page["users"][0]
    for status, body, more in (
        (202, page, {}),
        (200, {"users": page["users"]}, {}),
        (200, {**page, "total": 1}, {}),
        (200, {**page, "users": [{**user, "password": "x"}]}, {}),
        (200, {**page, "users": [{**user, "created": "yesterday"}]}, {}),
        (200, page, {"query": "limit=1001"}),
        (200, page, {"query": "order=name"}),
        (200, page, {"headers": {"content-type": "text/plain"}}),
        (200, page, {"template": "/api/people"}),
        (200, page, {"method": "PUT"}),
        (201, user, {"method": "POST"}),
        (201, user, {"method": "POST", "headers": {"location": "x"}, "sent": b'{"email": "a@b"}'}),
        (401, {}, {"headers": {"content-type": "application/problem+json"}}),
    ):
        with pytest.raises(AssertionError):
            check(status, body, **more)


def _resolved(value: Any) -> Any:
    while "$ref" in value:
        target: Any = WHOLE
        for name in value["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        value = target
    return value


def test_a_client_of_another_application_is_not_held_to_it(memory_stand: Stand) -> None:
    """What reached no route is answered by none of the operations."""
    client: Client = memory_stand.admins
    assert client.get("/nothing/here").status == 404
    assert client.ask("POST", "/api/user").status == 405
