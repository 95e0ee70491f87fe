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

_FUTURE = ["2100-01-01T00:00:00Z", "2099-12-31T23:59:59.5+02:00"]
#: What has to be true of a body, or to fit on the disk.
_OF_BODY = re.compile("Md5|Digest|Checksum|UploadLength")
_UPLOAD = re.compile("/Upload$")
#: What takes from the history that a restore of the same repository would go back in.
_OF_RULED = re.compile("/retention|/purge$")


def narrowed(
    repositories: list[str],
    ruled: str,
    spare: str,
    paths: list[str],
    user: str,
    key: str,
    moment: str,
) -> Mapping[str, Any]:
    """The description of an installation.

    Args:
        repositories: the names of those that there are, and keep their rules.
        ruled: the name of one more, whose rules may change.
        spare: the name of one that may be made and deleted meanwhile.
        paths: of files, and of folders without their slash.
        user: the id of a user.
        key: the id of a key of his.
        moment: a time to which the repositories can go back.
    """
    whole = describe()
    schemas, parameters = whole["components"]["schemas"], whole["components"]["parameters"]
    schemas["RepositoryName"] = _one_of(*repositories, ruled, spare)
    schemas["Grants"]["propertyNames"] = _one_of(*repositories)
    schemas["NewRepository"]["properties"]["name"] = _one_of(spare)
    parameters["RepositoryName"] |= {"schema": _one_of(spare), "example": spare}
    _stay(whole["paths"], repositories[0], ruled)
    _narrow_restore(schemas["RestoreRequest"], moment)
    for name, values in (
        ("Repository", repositories),
        ("User", [user]),
        ("Key", [key]),
    ):
        parameters[name] |= {"schema": _one_of(*values), "example": values[0]}
    # Any other path is taken too: what is not there is 404, or is put there.
    parameters["Path"]["schema"] = {"anyOf": [_one_of(*paths), parameters["Path"]["schema"]]}
    parameters["Path"]["example"] = paths[0]
    for name in ("After", "Back"):
        parameters[name]["schema"] = _one_of("")
    for name in ("IfMatch", "IfNoneMatch"):
        parameters[name]["schema"] = _one_of("*", parameters["IfMatch"]["example"])
    schemas["ShownName"]["maxLength"] = 200
    for fields in (schemas["NewUser"], schemas["UserChanges"]):
        fields["properties"]["password"]["maxLength"] = 256
    schemas["NewKey"]["properties"] |= {
        "expires": {"enum": [*_FUTURE, None]},
        "user": {"enum": [user, None]},
    }
    _narrow_query(whole["paths"]["/api/keys"]["get"], "user", user, "all", "")
    search = whole["paths"]["/api/search"]["get"]
    _narrow_query(search, "repository", *repositories, ",".join(repositories))
    parameters["ContentRange"]["schema"] = _one_of("bytes 0-4/5")
    for method, operation in whole["paths"]["/repositories/{repository}/{path}"].items():
        if method in METHODS:
            _leave_out(operation, _OF_BODY)
            if method != "patch":  # with it, what these methods take is of other forms
                _leave_out(operation, _UPLOAD)
    return whole


def _stay(paths: dict[str, Any], there: str, ruled: str) -> None:
    """All but making and deleting it is asked of a repository that is always there, and whose
    rules stay where an answer depends on them."""
    at = "/api/repositories/{name}"
    for path in paths:
        if path.startswith(f"{at}/"):
            paths[path] |= _named(ruled if _OF_RULED.search(path) else there)
    for method in ("get", "patch"):
        paths[at][method] |= _named(ruled)


def _named(name: str) -> dict[str, Any]:
    parameter = {"name": "name", "in": "path", "required": True, "example": name}
    return {"parameters": [parameter | {"schema": _one_of(name)}]}


def _narrow_restore(request: dict[str, Any], moment: str) -> None:
    """Not of a deleted repository, as the repository is there; and to a time that was."""
    request["anyOf"] = [one for one in request["anyOf"] if "required" in one]
    request["properties"]["time"] = _one_of(moment)
    del request["properties"]["id"], request["properties"]["name"]


def _leave_out(operation: dict[str, Any], names: re.Pattern[str]) -> None:
    operation["parameters"] = [
        one for one in operation["parameters"] if not names.search(one.get("$ref", ""))
    ]


def _narrow_query(operation: Mapping[str, Any], name: str, *texts: str) -> None:
    for parameter in operation["parameters"]:
        if parameter.get("name") == name:
            parameter |= {"schema": _one_of(*texts), "example": texts[0]}


def _one_of(*texts: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(texts)}
