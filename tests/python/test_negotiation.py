"""Forms and compression: what the headers of real clients get, and that no header fails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.python.negotiation import Form, accepts_gzip, negotiate

PIP = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1,"
    " text/html; q=0.01"
)
UV = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2,"
    " text/html;q=0.01"
)
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
JSON, HTML_V1, HTML = Form.JSON, Form.HTML_V1, Form.HTML


@pytest.mark.parametrize(
    "accept, form",
    [
        (PIP, JSON),
        (UV, JSON),
        (FIREFOX, HTML),
        ("text/html", HTML),  # pip before 22.2
        ("*/*", HTML),  # curl
        (None, HTML),
    ],
)
def test_real_clients_get_what_they_read_best(accept: str | None, form: Form) -> None:
    assert negotiate(accept) is form


@pytest.mark.parametrize(
    "accept, form",
    [
        ("application/vnd.pypi.simple.v1+json", JSON),
        ("application/vnd.pypi.simple.v1+html", HTML_V1),
        ("application/vnd.pypi.simple.latest+json", JSON),
        ("application/vnd.pypi.simple.latest+html", HTML_V1),
        ("Application/VND.PyPI.simple.V1+JSON", JSON),
        ("application/vnd.pypi.simple.v1+json;q=0.2, text/html;q=0.3", HTML),
        ("text/html;q=0.3,application/vnd.pypi.simple.v1+json;Q=0.31", JSON),
        ("text/html;q=0.9 , application/vnd.pypi.simple.v1+html\t;\tq=1.000", HTML_V1),
        ("text/html;q=0.5, */*;q=0.4", HTML),
        # The most specific range counts, not the heaviest.
        ("*/*;q=1, text/html;q=0.1, application/*;q=0.2", JSON),
        ("application/*, application/vnd.pypi.simple.v1+json;q=0.1", HTML_V1),
        ("text/*;q=0.1, application/vnd.pypi.simple.v1+html;q=0.2", HTML_V1),
        ("text/html;level=1, text/html;q=0.1, application/*;q=0.5", JSON),
        # Nothing is accepted at a weight of 0.
        ("application/vnd.pypi.simple.v1+json;q=0, application/*", HTML_V1),
        ("*/*, text/html;q=0", JSON),
        ("*/*, text/*;q=0.000, application/vnd.pypi.simple.v1+json;q=0.", HTML_V1),
    ],
)
def test_the_weight_of_the_most_specific_range_decides(accept: str, form: Form) -> None:
    assert negotiate(accept) is form


@pytest.mark.parametrize(
    "accept, form",
    [
        ("text/html, application/vnd.pypi.simple.v1+json", JSON),
        ("text/html, application/vnd.pypi.simple.v1+html", HTML_V1),
        ("application/vnd.pypi.simple.v1+html, application/vnd.pypi.simple.v1+json", JSON),
        ("text/html, */*", HTML),
        ("*/*, application/vnd.pypi.simple.v1+html", HTML_V1),
        ("application/vnd.pypi.simple.v1+json; charset=utf-8, */*", JSON),
        ("application/*, */*", JSON),
        ("application/*", JSON),
        ("text/*, application/*", HTML),
    ],
)
def test_ties_go_to_what_is_named_closest_and_then_to_what_says_most(
    accept: str, form: Form
) -> None:
    assert negotiate(accept) is form


@pytest.mark.parametrize(
    "accept",
    [
        "",
        " , ,",
        ";q=1",
        "application/json",
        "image/png, application/json;q=0.5",
        "*",
        "json",
        "application/vnd.pypi.simple.v2+json",
        "application/vnd.pypi.simple.v1+json;q=2",
        "application/vnd.pypi.simple.v1+json;q=-1",
        "application/vnd.pypi.simple.v1+json;q=0.1234",
        "application/vnd.pypi.simple.v1+json;q=.5",
        "application/vnd.pypi.simple.v1+json;q=1.1",
        "application/vnd.pypi.simple.v1+json;q=nan",
        "application/vnd.pypi.simple.v1+json;q=\u0661",
        "application/vnd.pypi.simple.v1+json;q",
        "application/vnd.pypi.simple.v1+json;q=0",
        "application / vnd.pypi.simple.v1+json",
        'text/plain;x="a, application/vnd.pypi.simple.v1+json, b"',
        'text/plain;x="\\", application/vnd.pypi.simple.v1+json',
        "*/*;q=0",
    ],
)
def test_what_matches_nothing_or_cannot_be_read_is_answered_as_html(accept: str) -> None:
    assert negotiate(accept) is HTML


def test_a_member_that_cannot_be_read_is_passed_over() -> None:
    assert negotiate("*; q=.2, %%, application/vnd.pypi.simple.v1+json") is JSON
    assert negotiate('text/html;x=";,q=0";q=0.5, application/*;q=0.4') is HTML


@pytest.mark.parametrize(
    "header, gzip",
    [
        (None, False),
        ("", False),
        ("gzip, deflate", True),  # pip for the index
        ("identity", False),  # pip for files
        ("gzip, br", True),
        ("gzip, deflate, br, zstd", True),
        ("br", False),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip;q=0", False),
        ("gzip;q=0.001", True),
        ("gzip;q=1.0", True),
        ("gzip;q=2", False),
        ("gzip;q=0, *", False),
        ("*", True),
        ("*;q=0", False),
        ("*;q=0, gzip", True),
        ("identity;q=0, *;q=0.5", True),
        ("gzip, identity", True),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("gzip;q=0.5, identity", False),
        ("*;q=0.5, identity;q=0.6", False),
        ("gzipped", False),
    ],
)
def test_gzip_goes_to_who_says_that_it_is_read_and_no_worse(header: str | None, gzip: bool) -> None:
    assert accepts_gzip(header) is gzip


@pytest.mark.parametrize("piece", [",", ";", '"', '\\"', '"\\', " ", "a", "; ", "*/*,", ";q=1"])
def test_the_length_of_a_header_is_no_weapon(piece: str) -> None:
    # Any more than a pass over it would never end.
    header = piece * (1_000_000 // len(piece))
    assert negotiate(f"text/html{header}") is HTML
    accepts_gzip(f"gzip{header}")


@given(st.text() | st.text(alphabet='*/,;="\\ q01.gzip'))
def test_no_header_fails(header: str) -> None:
    assert negotiate(header) in Form
    assert accepts_gzip(header) in (True, False)


RANGES = {
    "application/vnd.pypi.simple.v1+json": [JSON],
    "application/vnd.pypi.simple.v1+html": [HTML_V1],
    "text/html": [HTML],
    "text/*": [HTML],
    "application/*": [JSON, HTML_V1],
    "*/*": [JSON, HTML_V1, HTML],
    "image/png": [],
}
WEIGHTS = st.integers(0, 1000).map(lambda weight: weight / 1000)
BLANKS = st.sampled_from(["", " ", "\t", "  "])


@given(st.data(), st.dictionaries(st.sampled_from([*RANGES]), WEIGHTS))
def test_the_form_is_one_that_weighs_most(data: st.DataObject, weights: dict[str, float]) -> None:
    # The ranges above stand in the order of how specific they are.
    said = {
        form: next((weights[one] for one in RANGES if one in weights and form in RANGES[one]), 0)
        for form in Form
    }
    header = ""
    for name in data.draw(st.permutations([*weights])):
        before, after, between = (data.draw(BLANKS) for _ in range(3))
        header += f"{before}{name}{after};{between}q={weights[name]:.3f}{before},"
    form = negotiate(header)
    assert said[form] == max(said.values())
    assert form is HTML or said[form]
