"""While threads are free nobody waits; when they are scarce nobody has them all."""

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.claims import KeyClaim
from auth.sign_in import PasswordClaim
from auth.standing import Standing
from middleware.admission import Limits, Places
from middleware.authentication import _proven_user
from middleware.declarations import Access
from storage.metadata import Key
from tests.middleware.edge import Edge, FakeAuthenticator

A, B = ("address A",), ("address B",)


def places(threads=32, patience=0.0):
    return Places(Limits(threads), patience)


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


def test_a_place_that_comes_free_goes_to_who_waits_for_it():
    held = places(patience=30)
    take(held, A, 24)
    found = []
    waiting = threading.Thread(target=lambda: found.append(held.take(A, False)))
    waiting.start()
    until(lambda: held.waiting == 1)
    assert found == []
    held.release(A, False)
    waiting.join(10)
    assert found == [True]
    assert (held.busy, held.waiting) == (24, 0)


def test_who_waits_in_vain_is_told_so_and_leaves_no_trace():
    held = places(patience=0.05)
    take(held, A, 24)
    assert not held.take(A, False)
    assert (held.busy, held.waiting) == (24, 0)


def test_only_an_eighth_of_the_threads_may_wait():
    """A client can't fill the process with its own queue."""
    held = places(patience=30)
    take(held, A, 24)
    found = []
    waiters = [threading.Thread(target=lambda: found.append(held.take(A, False))) for _ in range(4)]
    for waiter in waiters:
        waiter.start()
    until(lambda: held.waiting == 4)
    assert not held.take(A, False), "at once, not after 30 seconds"
    assert held.take(B, False), "somebody else is not behind them"
    held.release(B, False)
    for _ in range(4):
        held.release(A, False)
    for waiter in waiters:
        waiter.join(10)
    assert found == [True] * 4
    assert held.busy == 24


def test_who_comes_later_does_not_pass_who_waits():
    held = places(patience=30)
    take(held, A, 24)
    found = []
    waiter = threading.Thread(target=lambda: found.append(held.take(A, False)))
    waiter.start()
    until(lambda: held.waiting == 1)
    with held._changed:
        held._busy -= 1  # a place comes free, and nobody has been woken yet
        assert not held._fits(A, False, held._waiting)
        assert held._fits(A, False), "who waits may have it"
        held._busy += 1
    held.release(A, False)
    waiter.join(10)
    assert found == [True]


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.booleans(), st.booleans()), max_size=80))
def test_whatever_comes_and_goes_the_counts_are_right(steps):
    limits = Limits(8)
    held = Places(limits, 0.0)
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


def test_health_takes_no_place():
    class Watching:
        access = Access.HEALTH

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
    assert _proven_user(KeyClaim(standing, None, user, user, None)) == "victim"


def until(true, seconds=10):
    """Wait for another thread to get somewhere; a condition has no hook to wait on."""
    pause = threading.Event()
    for _ in range(int(seconds * 200)):
        if true():
            return
        pause.wait(0.005)
    raise AssertionError("it never came to that")
