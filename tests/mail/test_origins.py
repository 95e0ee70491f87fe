"""Links lead to the organization's own host, as the settings name it."""

import pytest

from app.mail.origins import Origins

LOCAL = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    "origins, name, origin",
    [
        (Origins("https://a.example", "default", None), "default", "https://a.example"),
        (Origins("https://a.example:8443", "default", None), "default", "https://a.example:8443"),
        (Origins("https://a.example", "default", None), "other", None),
        (Origins("https://a.example", "default", "x.example"), "other", "https://other.x.example"),
        (Origins("https://a.example:8443", "default", "x.example"), "other",
         "https://other.x.example:8443"),
        (Origins("https://a.example", "default", "x.example:444"), "other",
         "https://other.x.example:444"),
        (Origins("http://a.example:8080", "default", "x.example"), "other",
         "https://other.x.example"),
        (Origins("https://acme.x.example", "acme", "x.example"), "acme", "https://acme.x.example"),
        (Origins("https://acme.x.example", "acme", "x.example"), "default",
         "https://default.x.example"),
        (Origins(None, "default", "x.example"), "default", "https://default.x.example"),
        (Origins(None, "default", None), "default", None),
        (Origins(None, "default", None, LOCAL), "default", LOCAL),
        (Origins(None, "default", None, LOCAL), "other", None),
        (Origins("https://a.example", "default", None, LOCAL), "default", "https://a.example"),
    ],
)  # fmt: skip
def test_an_organization_has_its_own_host(origins: Origins, name: str, origin: str | None) -> None:
    assert origins.of(name) == origin
