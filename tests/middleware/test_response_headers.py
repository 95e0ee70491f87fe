"""Headers set at once end up where Falcon's own do."""

import falcon

from middleware.response_headers import add_missing, put_headers


def test_prepared_headers_are_sent_like_any_other() -> None:
    response = falcon.Response()
    response.set_header("ETag", "old")
    put_headers(response, {"etag": "new", "x-one": "1"})
    assert response.get_header("ETag") == "new"
    assert dict(response._wsgi_headers())["x-one"] == "1"


def test_what_is_set_is_not_replaced_by_what_is_missing() -> None:
    response = falcon.Response()
    response.set_header("Cache-Control", "private")
    add_missing(response, {"cache-control": "no-store", "x-two": "2"})
    assert response.get_header("cache-control") == "private"
    assert response.get_header("x-two") == "2"
