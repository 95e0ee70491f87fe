"""What two grants both allow: never more than either, whatever the place is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.narrowing import in_both
from auth.principals import Action, Grants, Rights, Site

READ, WRITE = frozenset({Action.READ}), frozenset({Action.WRITE})
BOTH = READ | WRITE
#: Repositories by their ids; ids here look like no name.
NAMES = {"1": "a", "2": "ab", "3": "team-a", "4": "team-b", "5": "b-a"}
SITES = [Site(id_, name) for id_, name in NAMES.items()]

PLACES = st.sampled_from([*NAMES, "*", "a*", "*a", "team-*", "*-a", "t*a", "*b*"])
GRANTS = st.dictionaries(PLACES, st.frozensets(st.sampled_from(Action)), max_size=4)


@given(GRANTS, GRANTS)
def test_it_is_never_more_than_either(one: Grants, other: Grants) -> None:
    common = Rights.of(in_both(one, other, NAMES))
    for site in SITES:
        assert common.on(site) <= Rights.of(one).on(site) & Rights.of(other).on(site)


@given(GRANTS)
def test_with_itself_and_with_everything_nothing_is_lost(one: Grants) -> None:
    whole = {"*": frozenset(Action)}
    for other in (one, whole):
        for common in (in_both(one, other, NAMES), in_both(other, one, NAMES)):
            for site in SITES:
                assert Rights.of(common).on(site) == Rights.of(one).on(site)


@pytest.mark.parametrize(
    "one, other, common",
    [
        ({"1": BOTH}, {"1": READ}, {"1": READ}),
        ({"1": READ}, {"1": WRITE}, {}),
        ({"1": BOTH}, {"2": BOTH}, {}),
        ({"3": BOTH}, {"team-*": READ}, {"3": READ}),
        ({"team-*": BOTH}, {"3": READ, "1": READ}, {"3": READ}),
        ({"3": BOTH}, {"3": WRITE, "team-*": READ}, {"3": BOTH}),
        ({"team-*": BOTH}, {"*": READ}, {"team-*": READ}),
        ({"t*": BOTH}, {"team-*": READ}, {"team-*": READ}),
        # `team-a` fits both, and no pattern says what else does.
        ({"team-*": BOTH}, {"*-a": BOTH}, {}),
        # A repository that is gone fits nothing.
        ({"9": BOTH}, {"*": BOTH}, {}),
    ],
)
def test_what_is_in_common_is_kept(one: Grants, other: Grants, common: Grants) -> None:
    assert in_both(one, other, NAMES) == common
    assert in_both(other, one, NAMES) == common
