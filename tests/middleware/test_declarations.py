"""No route is open because somebody forgot to say who may call it."""

import logging

import falcon
import pytest

from middleware.declarations import Access, Routes, declared_access, undeclared
from tests.middleware.edge import Closed, Edge, Forgotten, Open


def test_a_route_that_declares_nothing_is_never_served(caplog):
    with caplog.at_level(logging.ERROR):
        answer = Edge().ask(target="/forgotten")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert "/forgotten" in caplog.text


def test_what_is_no_access_declares_nothing():
    class Wrong:
        access = "public"

    assert declared_access(Wrong()) is None
    assert declared_access(Closed()) is Access.SIGNED_IN


def test_an_instance_does_not_declare_for_its_class():
    resource = Forgotten()
    resource.access = Access.PUBLIC
    assert declared_access(resource) is None


def test_the_router_knows_each_template_with_methods_and_access():
    class Both(Open):
        def on_post_many(self, req, resp):
            """Take many."""

    routes = Routes()
    routes.add_route("/one/{name}", Open())
    routes.add_route("/many", Both(), suffix="many")
    routes.add_route("/forgotten", Forgotten())
    assert {(r.template, r.methods, r.access) for r in routes.declared.values()} == {
        ("/one/{name}", ("GET", "PUT"), Access.PUBLIC),
        ("/many", ("POST",), Access.PUBLIC),
        ("/forgotten", ("GET",), None),
    }
    assert [route.template for route in undeclared(routes)] == ["/forgotten"]
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
        access = Access.PUBLIC

        def on_get(self, req, resp):
            """Answer."""

        on_get_item = on_get

    application = falcon.App(router=Routes())
    application.add_route("/x", Resource(), suffix=suffix)
