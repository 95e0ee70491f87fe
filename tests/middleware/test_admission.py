"""While threads are free nobody waits; when they are scarce nobody has them all."""

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.claims import SecretClaim
from auth.sign_in import PasswordClaim
from auth.standing import Standing
from middleware.authentication import _proven_user
from middleware.context import CONTEXT, TURN
from middleware.declarations import HEALTH, by_method
from middleware.places import Limits, Places
from storage.metadata import Key
from tests.middleware.edge import Edge, FakeAuthenticator

A, B = ("address A",), ("address B",)


def places(threads=32):
    return Places(Limits(threads))


def take(held, holders, count, anonymous=False):
    return [held.take(holders, anonymous) for _ in range(count)].count(True)


def test_while_threads_are_free_one_client_may_have_three_quarters():
    assert take(places(), A, 32) == 24


def test_when_threads_are_scarce_everybody_else_still_gets_a_quarter():
    held = places()
    assert take(held, A, 24) == 24
    assert take(held, B, 24) == 8
    assert held.busy == 32


def test_a_principal_is_limited_from_all_its_addresses_together():
    held = places()
    taken = sum(held.take((f"address {n}", "principal 1"), False) for n in range(32))
    assert taken == 24
    assert held.take(("address 40", "principal 2"), False)


def test_an_address_is_limited_for_all_its_principals_together():
    held = places()
    assert sum(held.take(("address 1", f"principal {n}"), False) for n in range(32)) == 24


def test_anonymous_readers_have_half_together():
    held = places()
    assert sum(held.take((f"address {n}",), True) for n in range(32)) == 16
    assert take(held, A, 8) == 8
    assert not held.take(("address new",), True)


def test_what_is_given_back_can_be_taken_again():
    held = places()
    for _ in range(3):
        assert take(held, A, 32) == 24
        for _ in range(24):
            held.release(A, False)
        assert held.busy == 0
    assert not held._held, "no trace of who held them"


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_the_smallest_processes_serve_somebody(threads):
    held = places(threads)
    assert held.take(A, False)
    assert places(threads).take(A, True)


def test_a_place_that_comes_free_is_his_who_waits_for_it():
    held = places()
    take(held, A, 24)
    rung = []
    turn = held.line_up(A, False)
    turn.when_granted(lambda: rung.append(1))
    assert (turn.granted, rung, held.waiting) == (False, [], 1)
    held.release(A, False)
    assert (turn.granted, rung) == (True, [1])
    assert (held.busy, held.waiting) == (24, 0)
    assert not held.take(A, False), "it is taken already"
    turn.leave()
    turn.leave()
    assert held.busy == 23


def test_who_leaves_before_his_turn_leaves_no_trace():
    held = places()
    take(held, A, 24)
    turn = held.line_up(A, False)
    turn.when_granted(lambda: pytest.fail("it was left"))
    turn.leave()
    assert (held.busy, held.waiting) == (24, 0)
    for _ in range(24):
        held.release(A, False)
    assert (held.busy, turn.granted) == (0, False)
    assert not held._held


def test_a_place_that_came_free_before_he_stood_in_line_is_his_at_once():
    """Another thread may give one back between the two calls."""
    held = places()
    take(held, A, 24)
    assert not held.take(A, False)
    held.release(A, False)
    turn = held.line_up(A, False)
    rung = []
    turn.when_granted(lambda: rung.append(1))
    assert (turn.granted, rung, held.busy) == (True, [1], 24)


def test_four_times_the_threads_may_wait_and_no_more():
    held = places(threads=8)
    take(held, A, 6)
    turns = [held.line_up(A, False) for _ in range(33)]
    assert turns[-1] is None
    assert None not in turns[:32]
    assert held.take(B, False), "somebody else is not behind them"
    held.release(B, False)
    for _ in range(6):
        held.release(A, False)
    assert [turn.granted for turn in turns[:32]] == [True] * 6 + [False] * 26
    for turn in turns[:32]:
        turn.leave()
    assert (held.busy, held.waiting) == (0, 0)


def test_those_without_a_name_wait_in_a_line_of_their_own():
    held = places(threads=8)
    assert take(held, A, 8, anonymous=True) == 4
    assert None not in [held.line_up(A, True) for _ in range(32)]
    assert held.line_up(A, True) is None
    assert take(held, B, 8) == 2
    assert held.line_up(B, False) is not None


def test_who_can_go_on_does_not_wait_behind_who_can_not():
    held = places(threads=8)
    take(held, A, 6)
    mine = held.line_up(A, False)
    assert take(held, B, 2) == 2
    theirs = held.line_up(B, False)
    held.release(B, False)
    assert (mine.granted, theirs.granted) == (False, True)


def test_who_comes_later_does_not_pass_who_waits():
    held = places()
    take(held, A, 24)
    turns = [held.line_up(A, False) for _ in range(2)]
    for expected in ([True, False], [True, True]):
        held.release(A, False)
        assert [turn.granted for turn in turns] == expected
        assert not held.take(A, False)


def test_many_threads_lose_no_place():
    held = places(threads=4)
    served = []

    def work():
        for number in range(200):
            if held.take(A, False):
                held.release(A, False)
                served.append(number)
                continue
            turn = held.line_up(A, False)
            bell = threading.Event()
            turn.when_granted(bell.set)
            assert bell.wait(30)
            turn.leave()
            served.append(number)

    workers = [threading.Thread(target=work) for _ in range(12)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert len(served) == 12 * 200
    assert (held.busy, held.waiting, held._held) == (0, 0, {})


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.booleans(), st.booleans()), max_size=80))
def test_whatever_comes_and_goes_the_counts_are_right(steps):
    limits = Limits(8)
    held = Places(limits)
    taken = []
    for who, anonymous, leave in steps:
        if leave and taken:
            held.release(*taken.pop(0))
        elif held.take((who,), anonymous):
            taken.append(((who,), anonymous))
        assert held.busy == len(taken)
        assert sum(anonymous for _, anonymous in taken) <= limits.anonymous
        if held.busy > limits.ample:
            last = taken[-1][0]
            assert leave or sum(holders == last for holders, _ in taken) <= limits.ample
    for step in taken:
        held.release(*step)
    assert held.busy == 0
    assert not held._held


SIGNED = [("Authorization", "Bearer good")]


def test_a_place_is_held_until_the_answer_was_sent():
    edge = Edge()
    body = edge.application(edge.environ(target="/open/x"), lambda *_: None)
    assert edge.places.busy == 1
    list(body)
    assert edge.places.busy == 1
    body.close()
    assert edge.places.busy == 0


@pytest.mark.parametrize(
    "target", ["/open/x", "/closed/x", "/broken", "/nowhere", "/healthz", "/forgotten", "/open/%00"]
)
def test_no_answer_keeps_a_place(target):
    edge = Edge()
    for headers in ([], SIGNED):
        edge.ask(target=target, headers=headers)
        edge.ask("BREW", target, headers=headers)
    assert edge.places.busy == 0


def test_without_a_place_it_is_503_with_when_to_come_back():
    edge = Edge(threads=4)
    for _ in range(2):
        edge.application(edge.environ(target="/open/x"), lambda *_: None)
    answer = edge.ask(target="/open/x")
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert edge.ask(target="/closed/x", headers=SIGNED).status == 200
    assert edge.places.busy == 2


def test_a_server_that_can_have_it_wait_is_told_for_what():
    """And asks again with the turn: granted it has a place already, else it is refused."""
    edge = Edge(threads=4)
    bodies = [edge.application(edge.environ(), lambda *_: None) for _ in range(2)]

    def ask(turn=None):
        environ = edge.environ() | {TURN: turn}
        statuses = []
        edge.application(environ, lambda status, *_: statuses.append(status[:3])).close()
        return statuses, environ[CONTEXT].turn

    _, turn = ask()
    _, other = ask()
    assert (turn.granted, other.granted) == (False, False)
    assert ask(turn) == (["503"], None)
    bodies[0].close()
    assert ask(turn) == (["200"], None)
    assert edge.places.busy == 2, "the turn's is given back by who had it wait"
    turn.leave()
    assert other.granted
    other.leave()
    bodies[1].close()
    assert edge.places.busy == 0


def test_where_too_many_wait_a_server_is_told_to_refuse():
    edge = Edge(threads=1)
    edge.application(edge.environ(), lambda *_: None)
    environs = [edge.environ() | {TURN: None} for _ in range(5)]
    for environ in environs:
        edge.application(environ, lambda *_: None)
    assert [environ[CONTEXT].turn is None for environ in environs] == [False] * 4 + [True]


def test_health_takes_no_place():
    class Watching:
        needs = by_method(GET=HEALTH)

        def on_get(self, req, resp):
            resp.media = edge.places.busy

    edge = Edge(threads=1, routes=[("/readyz", Watching())])
    edge.application(edge.environ(target="/open/x"), lambda *_: None)
    answer = edge.ask(target="/readyz")
    assert (answer.status, answer.body) == (200, b"1")


def test_who_signed_in_is_counted_by_name_as_well():
    secrets = {"one": "user-1", "two": "user-2"}
    edge = Edge(threads=4, authenticator=FakeAuthenticator(secrets), proxies=["127.0.0.1/32"])

    def start(secret, address):
        headers = [
            ("Authorization", f"Bearer {secret}"),
            ("X-Forwarded-For", address),
            ("X-Forwarded-Proto", "https"),
        ]
        status = []
        environ = edge.environ(target="/closed/x", headers=headers)
        edge.application(environ, lambda line, *_: status.append(line[:3]))
        return status[-1]

    assert [start("one", f"192.0.2.{n}") for n in range(4)] == ["200", "200", "200", "503"]
    assert start("two", "192.0.2.9") == "200"


def test_a_wrong_password_uses_up_nothing_of_the_name_it_was_sent_with():
    """Nobody can crowd a company's builds out from outside."""
    user = Key("o#users", "victim")
    standing = Standing("o", Key("_#organizations", "o"))
    claim = PasswordClaim(standing, None, None, "", "", b"", user, watch=None)
    assert _proven_user(claim) == "victim"
    assert _proven_user(replace(claim, watch=object())) is None
    assert _proven_user(SecretClaim(standing, None, user, user, None, None)) == "victim"
