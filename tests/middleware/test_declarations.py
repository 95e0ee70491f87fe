"""No route is open because somebody forgot to say who may call it."""

import logging

import falcon
import pytest

from middleware.declarations import (
    MEMBER,
    PUBLIC,
    Routes,
    by_method,
    declared_need,
    undeclared,
)
from tests.middleware.edge import Closed, Edge, Forgotten, Open


def test_a_route_that_declares_nothing_is_never_served(caplog):
    with caplog.at_level(logging.ERROR):
        answer = Edge().ask(target="/forgotten")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert "/forgotten" in caplog.text


def test_what_is_no_need_declares_nothing():
    class Wrong:
        needs = by_method(GET="public")

    class Worse:
        needs = "GET"

    assert declared_need(Wrong(), "GET") is None
    assert declared_need(Worse(), "GET") is None
    assert declared_need(Closed(), "GET") is MEMBER
    assert declared_need(Closed(), "HEAD") is MEMBER
    assert declared_need(Closed(), "POST") is None


def test_an_instance_does_not_declare_for_its_class():
    resource = Forgotten()
    resource.needs = by_method(GET=PUBLIC)
    assert declared_need(resource, "GET") is None


def test_the_router_knows_each_template_with_methods_and_needs():
    class Both(Open):
        needs = by_method(GET=PUBLIC)

        def on_post_many(self, req, resp):
            """Take many."""

    routes = Routes()
    routes.add_route("/one/{name}", Open())
    routes.add_route("/many", Both(), suffix="many")
    routes.add_route("/forgotten", Forgotten())
    assert [(r.template, r.methods, dict(r.needs)) for r in routes.declared.values()] == [
        ("/one/{name}", ("GET", "PUT"), {"GET": PUBLIC, "PUT": PUBLIC}),
        ("/many", ("POST",), {}),
        ("/forgotten", ("GET",), {}),
    ]
    assert undeclared(routes) == (("/many", "POST"), ("/forgotten", "GET"))
    assert routes.route("/one/x").template == "/one/{name}"
    assert routes.route("/two") is None


def test_a_folder_is_a_route_of_its_own():
    """What ends in a slash has the methods that its template was given, and none of a file's."""

    class Files(Open):
        pass

    class Folders(Open):
        def on_delete(self, req, resp, path):
            """Delete a folder."""

    routes, files, folders = Routes(), Files(), Folders()
    routes.add_route("/at/{path:path}", files)
    routes.add_route("/at/{path:path}/", folders)
    routes.add_route("/other/{path:path}", files)
    for path, resource, template, rest in (
        ("/at/a/b", files, "/at/{path:path}", "a/b"),
        ("/at/a/b/", folders, "/at/{path:path}/", "a/b/"),
        ("/at//", folders, "/at/{path:path}/", "/"),
        ("/other/a/", files, "/other/{path:path}", "a/"),
    ):
        found = routes.find(path)
        assert (found[0], found[2], found[3]) == (resource, {"path": rest}, template)
        assert routes.route(path).template == template
    assert "DELETE" in routes.route("/at/a/").allow
    assert "DELETE" not in routes.route("/at/a").allow
    assert routes.find("/nowhere/") is None


def test_a_route_that_needs_credentials_is_not_served_without_a_checked_host():
    """An exempt path whose route is not health fails; it does not open."""
    edge = Edge(routes=[("/readyz", Closed())])
    answer = edge.ask(target="/readyz", headers=[("Authorization", "Bearer good")])
    assert answer.status == 500
    assert edge.authenticator.asked == []


@pytest.mark.parametrize("suffix", [None, "item"])
def test_it_is_a_router_of_falcon(suffix):
    class Resource:
        needs = by_method(GET=PUBLIC)

        def on_get(self, req, resp):
            """Answer."""

        on_get_item = on_get

    application = falcon.App(router=Routes())
    application.add_route("/x", Resource(), suffix=suffix)
