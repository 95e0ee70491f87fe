"""`/api/repositories/NAME/retention`: who administers it decides which files go by themselves."""

from collections.abc import Sequence
from typing import Any

from falcon import Request, Response

from app.api.answers import Paging, scope_of, time_text
from app.api.reading import Fields, read_fields
from app.raw.terms import named
from app.repositories import Door, Repository, RepositoryName
from app.retention import Going, InvalidPattern, Pattern, Retention, Rule, RuleSet
from app.retention.rules import MOST_CHARACTERS, MOST_DAYS, MOST_KEPT, MOST_RULES
from app.visitors import authority_of, visitor_of
from auth.errors import InvalidField
from auth.principals import Action, Authority
from auth.records import Listing
from middleware.declarations import by_method, on

_CONDITIONS = ("keep_newest", "keep_snapshots", "older_than_days", "not_downloaded_days")


class Ruled:
    """What the routes of retention share."""

    def __init__(self, door: Door, retention: Retention) -> None:
        self._door = door
        self._retention = retention

    def _open(self, req: Request, name: str) -> tuple[Authority, Repository]:
        """Who administers the repository, and the repository, in one read."""
        visitor = visitor_of(req, key_required=False)
        opened = self._door.open(visitor, RepositoryName.parse(name), Action.ADMIN)
        return authority_of(req, named(opened)), opened.repository


class RetentionRules(Ruled):
    """`GET` and `PUT /api/repositories/NAME/retention`."""

    needs = by_method(GET=on(Action.ADMIN), PUT=on(Action.ADMIN))

    def on_get(self, req: Request, resp: Response, name: str) -> None:
        """Show the rules."""
        _, repository = self._open(req, name)
        resp.media = rules_json(self._retention.rules(repository))

    def on_put(self, req: Request, resp: Response, name: str) -> None:
        """Replace the rules, all of them."""
        by, repository = self._open(req, name)
        fields = read_fields(req)
        rules = read_rules(fields)
        if rules is None:
            raise InvalidField("rules", "is missing")
        confirmed = fields.flag("confirm")
        fields.finish()
        name_of_it = RepositoryName(repository.name)
        done = self._retention.set(by, name_of_it, rules, confirmed=confirmed is True)
        resp.media = rules_json(done)


class RetentionPreview(Ruled):
    """`POST /api/repositories/NAME/retention/preview`."""

    needs = by_method(POST=on(Action.ADMIN))

    def __init__(self, door: Door, retention: Retention, paging: Paging) -> None:
        super().__init__(door, retention)
        self._paging = paging

    def on_post(self, req: Request, resp: Response, name: str) -> None:
        """List what would go now, by the rules that are set or by others; nothing goes."""
        by, repository = self._open(req, name)
        by.require(repository, Action.READ)  # it tells of files
        fields = read_fields(req)
        wanted = read_rules(fields)
        fields.finish()
        if wanted is None:
            rules = self._retention.rules(repository)
        else:
            rules = self._retention.joined(repository, wanted)

        def read(after: str, limit: int) -> Listing[Going]:
            return self._retention.preview(repository, rules, after, limit)

        scope = scope_of(req, repository.id, repr([rule.value() for rule in rules.rules]))
        resp.media = self._paging.answer(req, "files", read, going_json, scope)


def rules_json(rules: RuleSet) -> dict[str, Any]:
    """Rules as the API shows them."""
    return {
        "rules": [rule.value() for rule in rules.rules],
        "downloads_since": time_text(rules.remembered),
        "confirmed": rules.confirmed,
    }


def going_json(going: Sequence[Going]) -> list[dict[str, Any]]:
    """Files that go, as the API shows them."""
    return [
        {
            "path": str(one.path),
            "size": one.artifact.size,
            "sha256": one.artifact.sha256,
            "modified": time_text(one.artifact.modified),
            "rule": one.rule,
        }
        for one in going
    ]


def read_rules(fields: Fields) -> RuleSet | None:
    """The field `rules`, None where it was not sent. Raises InvalidField."""
    given = fields.objects("rules")
    if given is None:
        return None
    if len(given) > MOST_RULES:
        raise InvalidField("rules", f"may hold at most {MOST_RULES} rules")
    rules = tuple(_rule(one, f"rules[{number}]") for number, one in enumerate(given))
    if sum(len(rule.match.text) for rule in rules) > MOST_CHARACTERS:
        raise InvalidField(
            "rules",
            f"may have patterns of {MOST_CHARACTERS:,} characters in all: use shorter ones",
        )
    return RuleSet(rules)


def _rule(fields: Fields, at: str) -> Rule:
    try:
        rule = Rule(
            match=_pattern(fields),
            keep_newest=_number(fields, "keep_newest", MOST_KEPT),
            older_than_days=_number(fields, "older_than_days", MOST_DAYS),
            not_downloaded_days=_number(fields, "not_downloaded_days", MOST_DAYS),
            keep_snapshots=_number(fields, "keep_snapshots", MOST_KEPT),
        )
        fields.finish()
    except InvalidField as error:
        raise InvalidField(f"{at}.{error.field}", error.reason) from error
    conditions = [rule.value()[name] for name in _CONDITIONS]
    if not any(conditions):
        *names, last = (f"'{name}'" for name in _CONDITIONS)
        raise InvalidField(at, f"needs {', '.join(names)} or {last}, or several")
    if rule.keep_newest is not None and rule.keep_snapshots is not None:
        raise InvalidField(
            f"{at}.keep_snapshots",
            "counts builds, and 'keep_newest' counts files: a rule has one of them",
        )
    return rule


def _pattern(fields: Fields) -> Pattern:
    try:
        return Pattern.parse(fields.required("match"))
    except InvalidPattern as error:
        raise InvalidField("match", str(error)) from error


def _number(fields: Fields, name: str, most: int) -> int | None:
    number = fields.number(name)
    if number is not None and not 1 <= number <= most:
        raise InvalidField(name, f"must be from 1 to {most}")
    return number
