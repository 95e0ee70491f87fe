"""What is remembered of callers: bounded by what they are granted, however many there are."""

from auth.known_callers import Known, KnownCallers
from auth.principals import Action, Principal, Rights, Role
from storage.metadata import Key, Record

READ = frozenset({Action.READ})


def known(grants: int, version: int = 1) -> Known:
    """A caller with so many grants, half of them by pattern."""
    granted = {f"{number}*" if number % 2 else f"{number}": READ for number in range(grants)}
    principal = Principal("org", "user", Role.READER, Rights.of(granted), "key")
    return Known.of(((place(0), version),), principal, (), (), None)


def place(number: int) -> Key:
    return Key("org#keys", f"key-{number}")


def test_the_newest_are_remembered_as_far_as_their_grants_fit() -> None:
    callers = KnownCallers(most=100)
    for number in range(10):
        callers.remember(place(number), known(29))
    assert callers.size == 90
    remembered = [number for number in range(10) if callers.find(place(number)) is not None]
    assert remembered == [7, 8, 9]


def test_who_is_remembered_anew_counts_once() -> None:
    callers = KnownCallers(most=100)
    for version in range(20):
        callers.remember(place(0), known(49, version))
    found = callers.find(place(0))
    assert callers.size == 50
    assert found is not None
    assert found.versions == ((place(0), 19),)


def test_one_that_never_fits_is_not_remembered() -> None:
    callers = KnownCallers(most=100)
    callers.remember(place(0), known(200))
    assert callers.find(place(0)) is None
    assert callers.size == 0


def test_groups_that_were_seen_and_are_not_there_are_known_to_be_gone() -> None:
    principal, wanted = known(0).principal, [place(1), place(2)]
    first = Known.of((), principal, wanted, [], None)
    assert (first.groups, first.gone) == ((), frozenset())
    second = Known.of((), principal, wanted, [Record(place(1), {}, 1)], first)
    assert (second.groups, second.gone) == ((place(1),), frozenset())
    third = Known.of((), principal, wanted, [], second)
    assert (third.groups, third.gone) == ((), {place(1)})
    assert Known.of((), principal, wanted, [], third).gone == {place(1)}
    assert Known.of((), principal, wanted[1:], [], third).gone == frozenset()
