"""Which form of the index a client gets, by its `Accept`, and whether it takes it compressed.

Nothing in these headers is an error: a member of a list that can't be read is passed over, and
who names nothing that there is gets what every client reads.
"""

import re
from collections.abc import Iterator
from enum import IntEnum, StrEnum
from functools import lru_cache

#: Of the headers that are remembered with what they mean: a client sends the same ones again and
#: again, and reading them would be a quarter of the work for a page that is known. A server takes
#: no long headers, so they are not many bytes.
_REMEMBERED = 64


class Form(StrEnum):
    """The media types of the index (PEP 691), the one that says most first."""

    JSON = "application/vnd.pypi.simple.v1+json"
    HTML_V1 = "application/vnd.pypi.simple.v1+html"
    HTML = "text/html"


class _Specificity(IntEnum):
    """How closely a media range names a form (RFC 9110 section 12.5.1)."""

    ANY = 1
    TYPE = 2
    QUALIFIED = 3
    NAMED = 4


#: Every media range that has to do with the index. What is asked for as the latest version is
#: answered as the version that it is (PEP 691).
_RANGES = {
    "application/vnd.pypi.simple.v1+json": (_Specificity.NAMED, (Form.JSON,)),
    "application/vnd.pypi.simple.latest+json": (_Specificity.NAMED, (Form.JSON,)),
    "application/vnd.pypi.simple.v1+html": (_Specificity.NAMED, (Form.HTML_V1,)),
    "application/vnd.pypi.simple.latest+html": (_Specificity.NAMED, (Form.HTML_V1,)),
    "text/html": (_Specificity.NAMED, (Form.HTML,)),
    "application/*": (_Specificity.TYPE, (Form.JSON, Form.HTML_V1)),
    "text/*": (_Specificity.TYPE, (Form.HTML,)),
    "*/*": (_Specificity.ANY, tuple(Form)),
}

# A comma or a semicolon in a quoted string ends nothing. No part of a header is ever looked at
# twice, so that the time is linear in its length: the repetitions give nothing back.
_MEMBERS = re.compile(r'(?:[^,"]++|"(?:[^"\\]|\\.)*+"?+)++')
_PARTS = re.compile(r'(?:[^;"]++|"(?:[^"\\]|\\.)*+"?+)++')
_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_BLANKS = " \t"


@lru_cache(_REMEMBERED)
def negotiate(accept: str | None) -> Form:
    """The form to answer in.

    Each form has the weight of the most specific range that it is in. Of those that weigh the
    same comes first what the client names more closely, then what says more. Who names none of
    them, as curl and browsers do, gets `text/html`; so does who sends no header, accepts nothing
    that there is, or sends what can't be read.
    """
    found: dict[Form, tuple[_Specificity, float]] = {}
    for name, qualified, weight in _members(accept or ""):
        specificity, forms = _RANGES.get(name, (_Specificity.ANY, ()))
        if qualified and specificity is _Specificity.NAMED:
            # No form has parameters, but a range with one still tells what the client reads.
            specificity = _Specificity.QUALIFIED
        for form in forms:
            said = (specificity, weight)
            found[form] = max(found.get(form, said), said)

    def preference(form: Form) -> tuple[float, _Specificity, bool]:
        specificity, weight = found[form]
        return weight, specificity, form is Form.HTML and specificity <= _Specificity.TYPE

    # Of equals, `max` takes the first, which is the one that says most.
    accepted = [form for form in Form if form in found and found[form][1] > 0]
    return max(accepted, key=preference, default=Form.HTML)


@lru_cache(_REMEMBERED)
def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether to compress the answer (RFC 9110 section 12.5.3).

    Only where the client says that it can read it, though without a header it would have to
    expect it, and only where it likes the plain form no better.
    """
    weights: dict[str, float] = {}
    for name, _, weight in _members(accept_encoding or ""):
        # The older name of the same coding (section 8.4.1.3).
        coding = "gzip" if name == "x-gzip" else name
        weights[coding] = max(weights.get(coding, 0), weight)
    gzip = weights.get("gzip", weights.get("*", 0))
    return gzip > 0 and gzip >= weights.get("identity", 0)


def _members(header: str) -> Iterator[tuple[str, bool, float]]:
    """What a header lists: names in lower case, whether they have parameters, their weights."""
    for member in _MEMBERS.findall(header):
        name, *parameters = (part.strip(_BLANKS) for part in _PARTS.findall(member) or [""])
        qualified, weight = False, "1"
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.lower() == "q":
                # What comes after the weight was once an extension, and says nothing now.
                weight = value
                break
            qualified = True
        if _WEIGHT.fullmatch(weight):
            yield name.lower(), qualified, float(weight)
