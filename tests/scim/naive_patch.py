"""PATCH once more, on plain dictionaries, slow and without paths: what `patch` is held against.

A step tells its attribute, the parts by which values are picked, and the part that it is about,
so that nothing has to be parsed. Values are in the schema's spelling already.
"""

import copy
from dataclasses import dataclass
from typing import Any

from app.scim.schemas import ENTERPRISE, USER

SEVERAL = ("emails", "roles")
OBJECTS = ("name", "manager")
REQUIRED = ("userName",)
EXTENDED = ("department", "manager")


class Refused(Exception):
    """Named for the error that `patch` is to raise."""


@dataclass(frozen=True)
class Step:
    verb: str
    attribute: str
    picked: tuple[tuple[str, Any], ...] | None = None
    part: str | None = None
    value: Any = None

    @property
    def path(self) -> str:
        path = f"{ENTERPRISE.id}:" if self.attribute in EXTENDED else ""
        path += self.attribute
        if self.picked is not None:
            conditions = [_condition(part, value) for part, value in self.picked]
            path += f"[{' and '.join(conditions)}]"
        return path if self.part is None else f"{path}.{self.part}"


def naive_patch(resource: dict[str, Any], steps: list[Step]) -> dict[str, Any]:
    """The resource after the steps. Raises Refused."""
    after = copy.deepcopy(resource)
    for step in steps:
        place = after.setdefault(ENTERPRISE.id, {}) if step.attribute in EXTENDED else after
        old = place.pop(step.attribute, None)
        new = _stepped(step, old)
        if new in (None, [], {}):
            if step.attribute in REQUIRED:
                raise Refused("NotMutable")
        else:
            place[step.attribute] = new
    if not after.get(ENTERPRISE.id):
        after.pop(ENTERPRISE.id, None)
    after["schemas"] = [USER.schema.id] + ([ENTERPRISE.id] if ENTERPRISE.id in after else [])
    return after


def _condition(part: str, value: Any) -> str:
    return f"{part} eq true" if value is True else f'{part} eq "{value}"'


def _stepped(step: Step, old: Any) -> Any:
    if step.value is None and step.verb == "add":
        return old
    removes = step.verb == "remove" or step.value is None
    if step.attribute in SEVERAL:
        return _several(step, old or [], removes)
    if step.attribute in OBJECTS and step.part is not None:
        changed = {**(old or {}), step.part: step.value}
        if removes:
            del changed[step.part]
        return changed
    if removes:
        return None
    if step.attribute in OBJECTS:
        return {**(old or {}), **step.value}
    return step.value


def _several(step: Step, old: list[dict[str, Any]], removes: bool) -> list[dict[str, Any]]:
    if step.picked is None and step.part is None:
        return _all(step, old)
    hit = [one for one in old if _is_picked(one, step.picked or ())]
    if not hit:
        if removes and step.picked is None:
            return old
        if step.verb == "add" or (step.verb == "replace" and step.picked is None):
            made = [{**dict(step.picked or ()), **_given(step)}]
            return _once(_dethroned(old, made) + made)
        raise Refused("NoTarget")
    return _once(_hit(step, old, removes))


def _all(step: Step, old: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if step.verb == "add":
        return _once(_dethroned(old, step.value) + step.value)
    if step.verb == "replace":
        return _once(step.value or [])
    if step.value is None:
        return []
    return [one for one in old if not any(_is_meant(one, gone) for gone in step.value)]


def _hit(step: Step, old: list[dict[str, Any]], removes: bool) -> list[dict[str, Any]]:
    new = []
    for one in old:
        if not _is_picked(one, step.picked or ()):
            new.append((False, one))
        elif removes and step.part is None:
            continue
        elif removes:
            new.append((True, {name: one[name] for name in one if name != step.part}))
        elif step.part is None and step.verb == "replace":
            new.append((True, _given(step)))
        else:
            new.append((True, {**one, **_given(step)}))
    changed = [one for was_hit, one in new if was_hit]
    return [one if was_hit else _dethroned([one], changed)[0] for was_hit, one in new if one]


def _given(step: Step) -> dict[str, Any]:
    return dict(step.value) if step.part is None else {step.part: step.value}


def _dethroned(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not any(one.get("primary") for one in new):
        return old
    return [{**one, "primary": False} if one.get("primary") else one for one in old]


def _once(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for value in values:
        for one in kept:
            if _is_same(one, value):
                one.update(value)
                break
        else:
            kept.append(dict(value))
    if len([one for one in kept if one.get("primary")]) > 1:
        raise Refused("InvalidValue")
    return kept


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if "value" not in one or "value" not in other:
        return one == other
    return _low(one, "type") == _low(other, "type") and _low(one, "value") == _low(other, "value")


def _is_meant(one: dict[str, Any], gone: dict[str, Any]) -> bool:
    if "value" in gone and "value" in one and "type" not in gone:
        return _low(one, "value") == _low(gone, "value")
    return _is_same(one, gone)


def _is_picked(one: dict[str, Any], picked: tuple[tuple[str, Any], ...]) -> bool:
    return all(_low(one, part) == _low(dict(picked), part) for part, _ in picked)


def _low(one: dict[str, Any], part: str) -> Any:
    value = one.get(part)
    return value.lower() if isinstance(value, str) else value
