"""A request ends once, whoever says so, and gives back all that it held."""

import io
import logging
import os
import re
from wsgiref.util import FileWrapper

import pytest

from auth.principals import Principal, Role
from middleware.context import CONTEXT, SERVER_FINISHES, Entrance, RequestContext, new_request_id

ENVIRON = {"REQUEST_METHOD": "GET"}


def entrance(body, seen=None):
    def application(environ, start_response):
        if seen is not None:
            seen.append(environ)
        context = environ[CONTEXT]
        context.on_finish(lambda: context.cache.update(finished=True))
        return body

    return Entrance(application)


def test_finish_runs_each_callback_once_and_the_last_first():
    ran = []
    context = RequestContext()
    context.on_finish(lambda: ran.append("first"))
    context.on_finish(lambda: ran.append("second"))
    context.finish()
    context.finish()
    assert ran == ["second", "first"]


def test_what_is_held_after_the_end_is_given_back_at_once():
    ran = []
    context = RequestContext()
    context.finish()
    context.on_finish(lambda: ran.append(1))
    assert ran == [1]


def test_a_failing_callback_keeps_no_other_from_running(caplog):
    ran = []

    def fail():
        raise OSError("no")

    context = RequestContext()
    context.on_finish(lambda: ran.append(1))
    context.on_finish(fail)
    with caplog.at_level(logging.ERROR):
        context.finish()
    assert ran == [1]
    assert context.id in caplog.text


def test_a_request_ends_when_its_answer_is_closed_not_when_the_responder_returns():
    environ = dict(ENVIRON)
    answer = entrance([b"a", b"b"])(environ, lambda *_: None)
    assert list(answer) == [b"a", b"b"]
    assert not environ[CONTEXT].cache
    answer.close()
    assert environ[CONTEXT].cache == {"finished": True}


def test_a_client_that_goes_away_in_the_middle_ends_its_request():
    environ = dict(ENVIRON)

    def pieces():
        yield b"a"
        yield b"b"

    body = pieces()
    answer = entrance(body)(environ, lambda *_: None)
    next(iter(answer))
    answer.close()
    assert environ[CONTEXT].cache == {"finished": True}
    assert body.gi_frame is None, "the body itself was closed too"


def test_a_body_whose_close_fails_ends_its_request():
    class Body:
        def __iter__(self):
            return iter(())

        def close(self):
            raise OSError("gone")

    environ = dict(ENVIRON)
    answer = entrance(Body())(environ, lambda *_: None)
    with pytest.raises(OSError, match="gone"):
        answer.close()
    assert environ[CONTEXT].cache == {"finished": True}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_application_that_fails_ends_its_request(error):
    contexts = []

    def application(environ, start_response):
        environ[CONTEXT].on_finish(lambda: contexts.append(environ[CONTEXT]))
        raise error

    with pytest.raises(error):
        Entrance(application)(dict(ENVIRON), lambda *_: None)
    assert len(contexts) == 1


def test_a_file_stays_what_the_server_sends_by_itself_and_its_close_ends_the_request():
    file = io.BytesIO(b"bytes")
    body = FileWrapper(file)
    environ = ENVIRON | {"wsgi.file_wrapper": FileWrapper}
    answer = entrance(body)(environ, lambda *_: None)
    assert answer is body
    answer.close()
    assert file.closed
    assert environ[CONTEXT].cache == {"finished": True}


def test_a_server_that_finishes_by_itself_gets_the_answer_unwrapped():
    body = [b"a"]
    environ = ENVIRON | {SERVER_FINISHES: True}
    assert entrance(body)(environ, lambda *_: None) is body
    assert not environ[CONTEXT].cache
    environ[CONTEXT].finish()
    assert environ[CONTEXT].cache == {"finished": True}


def test_a_context_that_the_server_made_is_taken():
    mine = RequestContext()
    environ = ENVIRON | {CONTEXT: mine}
    entrance([])(environ, lambda *_: None)
    assert environ[CONTEXT] is mine


def test_no_method_is_one_that_falcon_keeps_for_itself():
    seen = []
    entrance([], seen)({"REQUEST_METHOD": "WEBSOCKET"}, lambda *_: None)
    assert seen[0]["REQUEST_METHOD"] == "UNKNOWN"


def test_a_context_shows_no_credentials():
    context = RequestContext(authorization="Basic c2VjcmV0")
    assert "c2Vjc" not in repr(context)


def test_ids_differ():
    ids = [new_request_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


def test_a_fork_does_not_repeat_its_parents_ids():
    new_request_id()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, "".join(new_request_id() for _ in range(100)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 3200).decode()
    os.close(reader)
    os.close(writer)
    assert len(theirs) == 3200
    assert not any(new_request_id() in theirs for _ in range(100))


def test_who_was_confirmed_is_noted_by_ids_alone():
    context = RequestContext()
    principal = Principal("o", "user-1", Role.READER, {}, "key", "key-1")
    context.confirm(principal)
    assert (context.principal, context.user, context.credential) == (principal, "user-1", "key-1")


@pytest.mark.parametrize(
    "sent, taken",
    [
        ("name=a%20b+c%ff&x", "name=a%20b+c%ff&x"),
        ("name=\xc3\xa9", "name=%C3%A9"),
        ("\xe6\xbc\xa2=%41\x80", "%E6%BC%A2=%41%80"),
        ("\xff", "%FF"),
    ],
)
def test_the_bytes_of_a_query_are_taken_as_if_they_had_been_escaped(sent, taken):
    seen = []
    environ = ENVIRON | {"QUERY_STRING": sent}
    assert list(entrance([b"x"], seen)(environ, None)) == [b"x"]
    assert seen[0]["QUERY_STRING"] == taken
