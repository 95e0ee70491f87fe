"""Filters as the RFC and providers write them, with what they mean, and a writer of others."""

import json

from hypothesis import strategies as st

from app.scim.expressions import (
    And,
    AttributePath,
    Comparison,
    Filter,
    Not,
    Operator,
    Or,
    Present,
    Within,
)

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
KNOWN = (USER, ENTERPRISE)


def compared(path: str, operator: str, value: str | float | bool | None) -> Comparison:
    """A comparison of `name` or `name.part`."""
    return Comparison(at(path), Operator(operator), value)


def at(path: str) -> AttributePath:
    name, _, part = path.partition(".")
    return AttributePath(name, part or None)


EMPLOYEE = compared("userType", "eq", "Employee")
EITHER_DOMAIN = Or(
    compared("emails", "co", "example.com"), compared("emails.value", "co", "example.org")
)
WORK = compared("type", "eq", "work")
# RFC 7644, section 3.4.2.2.
EXAMPLES = {
    'userName eq "bjensen"': compared("userName", "eq", "bjensen"),
    'name.familyName co "O\'Malley"': compared("name.familyName", "co", "O'Malley"),
    'userName sw "J"': compared("userName", "sw", "J"),
    f'{USER}:userName sw "J"': Comparison(AttributePath("userName", schema=USER), Operator.SW, "J"),
    "title pr": Present(at("title")),
    'meta.lastModified gt "2011-05-13T04:42:34Z"': compared(
        "meta.lastModified", "gt", "2011-05-13T04:42:34Z"
    ),
    'meta.lastModified ge "2011-05-13T04:42:34Z"': compared(
        "meta.lastModified", "ge", "2011-05-13T04:42:34Z"
    ),
    'meta.lastModified lt "2011-05-13T04:42:34Z"': compared(
        "meta.lastModified", "lt", "2011-05-13T04:42:34Z"
    ),
    'meta.lastModified le "2011-05-13T04:42:34Z"': compared(
        "meta.lastModified", "le", "2011-05-13T04:42:34Z"
    ),
    'title pr and userType eq "Employee"': And(Present(at("title")), EMPLOYEE),
    'title pr or userType eq "Intern"': Or(
        Present(at("title")), compared("userType", "eq", "Intern")
    ),
    f'schemas eq "{ENTERPRISE}"': compared("schemas", "eq", ENTERPRISE),
    'userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")': And(
        EMPLOYEE, EITHER_DOMAIN
    ),
    'userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")': (
        And(compared("userType", "ne", "Employee"), Not(EITHER_DOMAIN))
    ),
    'userType eq "Employee" and (emails.type eq "work")': And(
        EMPLOYEE, compared("emails.type", "eq", "work")
    ),
    'userType eq "Employee" and emails[type eq "work" and value co "@example.com"]': And(
        EMPLOYEE, Within(at("emails"), And(WORK, compared("value", "co", "@example.com")))
    ),
    'emails[type eq "work" and value co "@example.com"] or '
    'ims[type eq "xmpp" and value co "@foo.com"]': Or(
        Within(at("emails"), And(WORK, compared("value", "co", "@example.com"))),
        Within(at("ims"), And(compared("type", "eq", "xmpp"), compared("value", "co", "@foo.com"))),
    ),
}
PROVIDERS = {
    'userName eq "person@example.org"': compared("userName", "eq", "person@example.org"),  # Okta
    'displayName eq "Team \\"A\\""': compared("displayName", "eq", 'Team "A"'),
    'Id eq "1" and members eq "2"': And(compared("Id", "eq", "1"), compared("members", "eq", "2")),
    'externalId eq "jyoung"': compared("externalId", "eq", "jyoung"),  # Entra ID
    'emails[type eq "work"].value eq "x"': Within(
        at("emails"), And(WORK, compared("value", "eq", "x"))
    ),
    'roles[primary eq "True"].value eq "x"': Within(
        at("roles"), And(compared("primary", "eq", "True"), compared("value", "eq", "x"))
    ),
    f'{ENTERPRISE}:employeeNumber eq "701984"': Comparison(
        AttributePath("employeeNumber", schema=ENTERPRISE), Operator.EQ, "701984"
    ),
    f'{ENTERPRISE}:manager.value eq "2"': Comparison(
        AttributePath("manager", "value", ENTERPRISE), Operator.EQ, "2"
    ),
}


class Writer:
    """Writes a filter as one of the texts that mean it."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def write(self, filter_: Filter, tightness: int = 0) -> str:
        """In brackets where what stands around it binds as `tightness` says: 0 is as `or` does,
        1 as `and`, 2 closer; and sometimes elsewhere."""
        match filter_:
            case Or(left, right):
                text = f"{self.write(left)}{self._word('or')}{self.write(right, 1)}"
                own = 0
            case And(left, right):
                text = f"{self.write(left, 1)}{self._word('and')}{self.write(right, 2)}"
                own = 1
            case _:
                text, own = self._term(filter_), 2
        if own < tightness or self._data.draw(st.integers(0, 4)) == 0:
            return f"({self._blanks()}{text}{self._blanks()})"
        return text

    def _term(self, filter_: Filter) -> str:
        match filter_:
            case Not(negated):
                return f"{self._case('not')}{self._blanks()}({self.write(negated)})"
            case Within(path, And(inner, Comparison(part) | Present(part) as last)) if (
                self._data.draw(st.booleans()) and part.part is None
            ):
                return f"{self._path(path)}[{self.write(inner)}].{self.write_bare(last)}"
            case Within(path, inner):
                return f"{self._path(path)}[{self._blanks()}{self.write(inner)}{self._blanks()}]"
            case Comparison() | Present():
                return self.write_bare(filter_)
            case _:
                raise AssertionError(filter_)

    def write_bare(self, condition: Comparison | Present) -> str:
        path = self._path(condition.path)
        if isinstance(condition, Present):
            return f"{path}{self._blank()}{self._case('pr')}"
        value = condition.value
        text = json.dumps(value, ensure_ascii=self._data.draw(st.booleans()))
        shown = text if isinstance(value, str | float) else self._case(text)
        return f"{path}{self._word(condition.operator)}{shown}"

    def _path(self, path: AttributePath) -> str:
        before = "" if path.schema is None else f"{path.schema}:"
        return f"{before}{path.name}" + ("" if path.part is None else f".{path.part}")

    def _word(self, word: str) -> str:
        return f"{self._blank()}{self._case(word)}{self._blank()}"

    def _case(self, word: str) -> str:
        return self._data.draw(st.sampled_from([word, word.upper(), word.title()]))

    def _blank(self) -> str:
        return self._data.draw(st.sampled_from([" ", "  ", "\t", "\r\n "]))

    def _blanks(self) -> str:
        return self._data.draw(st.sampled_from(["", " ", "\t "]))
