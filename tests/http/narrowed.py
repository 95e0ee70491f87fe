"""The description as it is true of one installation, for a tool that asks all it allows.

A schema says what a value looks like, and not what there is: which repositories, users and
keys exist, which cursors and tags were given out, which times are still to come, what the
digest of a body is. Here those values are named, so that all that the narrowed description
allows has to be accepted, and all that it does not has to be refused.
"""

import re
from collections.abc import Mapping
from typing import Any

from app.api.description import METHODS, describe
from tests.http.furnished import (
    ENDED,
    ENDING,
    FOLDER,
    GONE,
    PATHS,
    PROJECT,
    PYTHON,
    REPOSITORIES,
    RULED,
    SPARES,
    STAYING,
    VERSION,
    WHEELS,
    Installation,
)

_FUTURE = ["2100-01-01T00:00:00Z", "2099-12-31T23:59:59.5+02:00"]
#: What has to be true of a body, or to fit on the disk.
_OF_BODY = re.compile("Md5|Digest|Checksum|UploadLength")
_UPLOAD = re.compile("/Upload$")
#: What takes from the history that a restore of the same repository would go back in.
_OF_RULED = re.compile("/retention|/purge$")
#: Of a search: what goes with no other, or with some other alone.
_NOT_BESIDE_OTHERS = "q", "md5", "sha1", "sha512", "v", "c", "e", "project", "version"
_PIECE = "five."
_FOLDERS = "/repositories/{repository}/", "/repositories/{repository}/{path}/"


def narrowed(at: Installation) -> Mapping[str, Any]:
    """The description of an installation."""
    whole = describe()
    paths = whole["paths"]
    schemas, parameters = whole["components"]["schemas"], whole["components"]["parameters"]
    _narrow_repositories(paths, schemas, parameters)
    _narrow_projects(paths)
    _narrow_restore(paths["/api/repositories/{name}/restore"]["post"], schemas, at)
    for name, text in (("User", at.user), ("Key", at.user_key)):
        parameters[name] |= {"schema": _one_of(text), "example": text}
    # Any other is taken too: what is not there is 404, or is put there.
    _add(parameters["Path"], *PATHS)
    _add(paths["/api/jobs/{job}"]["parameters"][0], at.job)
    for path in paths:
        if path.endswith("{path}/"):
            paths[path]["parameters"].append(parameters["Path"] | {"example": FOLDER})
            _leave_out(paths[path], re.compile("/Path$"))
    for name in ("After", "Back"):
        parameters[name]["schema"] = _one_of("")
    _narrow_pages(paths, at.pages)
    for name in ("IfMatch", "IfNoneMatch"):
        parameters[name]["schema"] = _one_of("*", parameters["IfMatch"]["example"])
    _narrow_people(schemas, at.user)
    _narrow_outsiders(paths, schemas, parameters, at)
    _narrow_access(paths, schemas, parameters, at)
    # What strangers may do takes a token out of a mail, or is bounded by the hour.
    for path in ("/auth/reset", "/auth/reset/confirm", "/auth/invitation/confirm"):
        del paths[path]
    # Its own token is asked for: `tests/http/narrowed_scim.py`.
    for path in [*paths]:
        if path.startswith("/scim/"):
            del paths[path]
    # How often a password may be wrong is counted; and the rest takes a session, not a key.
    for path in [*paths]:
        if path == "/auth/session" or path.endswith("/{session}") or "/second-factor" in path:
            del paths[path]
    schemas["SessionsToEnd"]["properties"]["end"] = {"const": "others"}
    _narrow_query(paths["/api/keys"]["get"], "user", at.user, "all", "")
    # With lines there are no pages.
    _leave_out_queries(paths["/api/audit"]["get"], "format")
    _narrow_query(paths["/api/audit"]["get"], "repository", *REPOSITORIES)
    search = paths["/api/search"]["get"]
    _narrow_query(search, "repository", *REPOSITORIES, ",".join(REPOSITORIES))
    _leave_out_queries(search, *_NOT_BESIDE_OTHERS)
    _narrow_uploads(paths["/repositories/{repository}/{path}"], parameters, at.upload)
    del paths["/repositories/{repository}/{path}"]["post"]["requestBody"]  # a form
    return whole


def _narrow_repositories(
    paths: dict[str, Any], schemas: dict[str, Any], parameters: dict[str, Any]
) -> None:
    schemas["RepositoryName"] = _one_of(*REPOSITORIES, RULED, PYTHON, *SPARES)
    schemas["Grants"]["propertyNames"] = _one_of(*REPOSITORIES, RULED, "team-*")
    schemas["NewRepository"]["properties"]["name"] = _one_of(*reversed(SPARES))
    # These are taken in Maven repositories alone.
    for fields in (schemas["NewRepository"], schemas["RepositoryChanges"]):
        del fields["properties"]["policy"]
    rule = schemas["NewRule"]
    del rule["properties"]["keep_snapshots"], rule["not"]
    rule["anyOf"] = [one for one in rule["anyOf"] if "keep_snapshots" not in one["required"]]
    parameters["RepositoryName"] |= {"schema": _one_of(*SPARES), "example": SPARES[0]}
    parameters["Repository"] |= {"schema": _one_of(*REPOSITORIES), "example": REPOSITORIES[0]}
    _stay(paths, REPOSITORIES[0], RULED)
    # Deleting a folder leaves what other operations are about.
    for path, name in zip(_FOLDERS, (REPOSITORIES[1], RULED), strict=True):
        _fix(paths[path]["delete"], repository=name)


def _narrow_projects(paths: dict[str, Any]) -> None:
    """Each operation of what the others leave there."""
    at = "/api/repositories/{name}/projects/{project}"
    release, file = f"{at}/releases/{{version}}", f"{at}/files/{{filename}}"
    for path, method, named in (
        (at, "get", {"project": PROJECT}),
        (at, "patch", {"project": PROJECT}),
        (at, "delete", {"project": ENDING}),
        (f"{at}/restore", "post", {"project": ENDED}),
        (release, "patch", {"project": PROJECT, "version": VERSION}),
        (release, "delete", {"project": PROJECT, "version": "3.0"}),
        (f"{release}/restore", "post", {"project": PROJECT, "version": "2.0"}),
        (file, "patch", {"project": PROJECT, "filename": WHEELS[0]}),
        (file, "delete", {"project": PROJECT, "filename": WHEELS[1]}),
        (f"{file}/restore", "post", {"project": PROJECT, "filename": WHEELS[-1]}),
    ):
        paths[path].pop("parameters", None)
        _fix(paths[path][method], name=PYTHON, **named)
    paths["/api/repositories/{name}/projects"] |= _named(PYTHON)


def _narrow_people(schemas: dict[str, Any], user: str) -> None:
    schemas["ShownName"]["maxLength"] = 200
    # What is easily guessed no schema says, and an invitation goes without a password.
    for fields in (schemas["NewUser"], schemas["UserChanges"]):
        for name in ("password", "current_password", "invite"):
            fields["properties"].pop(name, None)
    schemas["NewKey"]["properties"] |= {
        "expires": {"enum": [*_FUTURE, None]},
        "user": {"enum": [user, None]},
    }


def _narrow_access(
    paths: dict[str, Any], schemas: dict[str, Any], parameters: dict[str, Any], at: Installation
) -> None:
    """Groups and grants of who is there to the end."""
    parameters["Group"] |= {"schema": _one_of(at.group), "example": at.group}
    _fix(paths["/api/groups/{group}"]["delete"], group=at.ending_group)
    _fix(paths["/api/repositories/{name}/grants/groups/{group}"]["put"], group=at.group)
    for path in (
        "/api/groups/{group}/members/{user}",
        "/api/repositories/{name}/grants/users/{user}",
        "/api/users/{user}/hand-over",
    ):
        for method in METHODS:
            if method in paths[path]:
                _fix(paths[path][method], user=at.staying)
    members = schemas["MemberChanges"]["properties"]
    # None whom both of them name; of who is in no group by then nothing is taken.
    for name, user in (("add", at.staying), ("remove", at.admin)):
        members[name]["anyOf"][0]["items"] = _one_of(user)
    schemas["HandOver"]["properties"]["to"] = _one_of(at.admin)
    schemas["GrantByEmail"]["properties"]["email"] = _one_of(STAYING)


def _narrow_outsiders(
    paths: dict[str, Any], schemas: dict[str, Any], parameters: dict[str, Any], at: Installation
) -> None:
    """Subscribers and SCIM tokens; and which days come after which, no schema says."""
    for name, text in (
        ("ScimToken", at.scim_token),
        ("Subscriber", at.subscriber),
        ("SubscriberGroup", at.subscriber_group),
    ):
        parameters[name] |= {"schema": _one_of(text), "example": text}
    one, members = "/api/subscribers/{subscriber}", "/api/subscriber-groups/{group}/members"
    for path, named in (
        (f"{one}/keys/{{key}}", {"subscriber": at.member, "key": at.access_key}),
        (f"{members}/{{subscriber}}", {"group": at.member_of, "subscriber": at.member}),
    ):
        paths[path].pop("parameters")
        _fix(paths[path], **named)
    for path in (f"{one}/usage", "/api/subscriber-groups/{group}/usage"):
        for query in ("since", "until"):
            _narrow_query(paths[path]["get"], query, "")
    for name in ("NewScimToken", "NewSubscriber", "NewSubscriberKey", "Rotation"):
        schemas[name]["properties"]["expires"] = {"enum": [*_FUTURE, None]}
    schemas["SubscriberChanges"]["properties"]["expires"] = {"enum": [*_FUTURE, None]}
    # Which groups there are when, no schema says.
    for name in ("NewSubscriber", "SubscriberChanges"):
        schemas[name]["properties"]["groups"] = {"type": ["array", "null"], "maxItems": 0}
    schemas["Distributed"]["items"] = _one_of(*REPOSITORIES, "team-*")


def _narrow_uploads(file: dict[str, Any], parameters: dict[str, Any], upload: str) -> None:
    """A piece as it is announced, to an upload that nothing completes or drops."""
    parameters["ContentRange"] |= {"schema": _one_of("bytes 0-4/5"), "example": "bytes 0-4/5"}
    _add(next(one for one in file["patch"]["parameters"] if one.get("name") == "upload"), upload)
    piece = {"schema": _one_of(_PIECE), "example": _PIECE}
    file["patch"]["requestBody"] = {"required": True, "content": {"text/plain": piece}}
    for method, operation in file.items():
        if method in METHODS:
            _leave_out(operation, _OF_BODY)
            if method != "patch":  # with it, what these methods take is of other forms
                _leave_out(operation, _UPLOAD)


def forms(description: Mapping[str, Any]) -> list[str]:
    """The ids of the operations that take nothing but a form. What one is right by (digests of
    its file, which is a distribution of its name) no schema tells: `test_python.py` does."""
    posts = [item["post"] for item in description["paths"].values() if "post" in item]
    return [
        post["operationId"]
        for post in posts
        if list(post.get("requestBody", {}).get("content", ())) == ["multipart/form-data"]
    ]


def _narrow_pages(paths: dict[str, Any], pages: Mapping[str, Mapping[str, str]]) -> None:
    """First and second pages, where these are of the list alone; of a folder, in GET alone, so
    that HEAD is asked of every folder."""
    for path, queries in pages.items():
        operation = paths[path]["get"]
        if path.endswith("/"):
            there = REPOSITORIES[1 if path.startswith("/public/") else 0]
            _fix(operation, repository=there, **({"path": FOLDER} if "{path}" in path else {}))
        _leave_out(operation, re.compile("/(After|Back)$"))
        operation["parameters"] += [
            {"name": name, "in": "query", "schema": _one_of("", cursor), "example": cursor}
            for name, cursor in queries.items()
        ]


def _stay(paths: dict[str, Any], there: str, ruled: str) -> None:
    """All but making and deleting it is asked of a repository that is always there, and whose
    rules stay where an answer depends on them."""
    at = "/api/repositories/{name}"
    for path in paths:
        if path.startswith(f"{at}/") and "/projects" not in path:
            paths[path] |= _named(ruled if _OF_RULED.search(path) else there)
    for method in ("get", "patch"):
        paths[at][method] |= _named(ruled)


def _named(name: str) -> dict[str, Any]:
    named: dict[str, Any] = {}
    _fix(named, name=name)
    return named


def _fix(operation: dict[str, Any], **values: str) -> None:
    """Ask an operation (or all of a path) of these alone: parameters of its path."""
    operation["parameters"] = [
        *operation.get("parameters", ()),
        *(
            {"name": name, "in": "path", "required": True, "schema": _one_of(text), "example": text}
            for name, text in values.items()
        ),
    ]


def _add(described: dict[str, Any], *texts: str) -> None:
    """Have some values beside what is described; the first is the example."""
    described["schema"] = {"anyOf": [_one_of(*texts), described["schema"]]}
    described["example"] = texts[0]


def _narrow_restore(operation: dict[str, Any], schemas: dict[str, Any], at: Installation) -> None:
    """Not of a deleted repository, as the repository is there; and to a time that was."""
    request = schemas["RestoreRequest"]
    request["anyOf"] = [one for one in request["anyOf"] if "required" in one]
    fields, example = request["properties"], {"path": GONE, "version": at.version}
    fields["time"] = _one_of(at.moment)
    for name, text in example.items():
        fields[name] = {"anyOf": [_one_of(text), fields[name]]}
    del fields["id"], fields["name"]
    operation["requestBody"]["content"]["application/json"]["example"] = example


def _leave_out(operation: dict[str, Any], names: re.Pattern[str]) -> None:
    operation["parameters"] = [
        one for one in operation["parameters"] if not names.search(one.get("$ref", ""))
    ]


def _leave_out_queries(operation: dict[str, Any], *names: str) -> None:
    operation["parameters"] = [
        one for one in operation["parameters"] if one.get("name") not in names
    ]


def _narrow_query(operation: Mapping[str, Any], name: str, *texts: str) -> None:
    for parameter in operation["parameters"]:
        if parameter.get("name") == name:
            parameter |= {"schema": _one_of(*texts), "example": texts[0]}


def _one_of(*texts: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(texts)}
