"""A problem is RFC 9457, whatever is in its words."""

import json

from hypothesis import given
from hypothesis import strategies as st

from middleware.problems import Problem, render


def test_a_problem_has_its_members_and_the_request():
    problem = Problem(409, "Conflict", "It is there already.", {"Retry-After": "1"}, "urn:x:there")
    assert json.loads(render(problem, "id-1")) == {
        "type": "urn:x:there",
        "title": "Conflict",
        "status": 409,
        "detail": "It is there already.",
        "request": "id-1",
    }


@given(st.text(), st.text())
def test_any_words_make_one_document(title, detail):
    document = json.loads(render(Problem(400, title, detail), "id"))
    assert (document["title"], document["detail"]) == (title, detail)
    assert document["type"] == "about:blank"


def test_problems_do_not_share_their_headers():
    first, second = Problem(400, "a", "b"), Problem(400, "a", "b")
    first.headers["X"] = "1"
    assert second.headers == {}
