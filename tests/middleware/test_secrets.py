"""S3: nothing that is answered, logged or left in memory for others holds a credential."""

import base64
import logging

import pytest

from tests.middleware.edge import Edge, FakeAuthenticator

MARK = "m4rk3d-s3cr3t"
BASE64 = base64.b64encode(f"a@example.com:{MARK}".encode()).decode()
LATIN = base64.b64encode(f"é:{MARK}\x01".encode("latin-1")).decode()

HEADERS = [
    [("Authorization", f"Basic {BASE64}")],
    [("Authorization", f"Basic {LATIN}")],
    [("Authorization", f"Basic {BASE64[:-2]}")],
    [("Authorization", f"Basic {BASE64},Basic {BASE64}")],
    [("Authorization", f"Bearer {MARK}")],
    [("Authorization", f"Bearer {MARK} {MARK}")],
    [("Authorization", f"Digest {MARK}")],
    [("Authorization", MARK)],
    [("Proxy-Authorization", f"Basic {BASE64}")],
    [("Cookie", f"__Host-session={MARK}")],
    [("X-Request-Id", MARK + "_" * 80), ("Authorization", f"Bearer {MARK}")],
    [("X-Forwarded-For", MARK), ("X-Forwarded-Proto", MARK)],
    [("Origin", MARK), ("Sec-Fetch-Site", MARK)],
]
TARGETS = ["/open/x", "/closed/x", "/api/user", "/nowhere", "/broken", "/forgotten", "/healthz"]
EDGES = {
    "loopback": {},
    "reject": {"loopback": False, "base_url": "https://repo.example.com"},
    "redirect": {"loopback": False, "base_url": "https://repo.example.com", "mode": "redirect"},
    "proxied": {"mode": "allow", "proxies": ["127.0.0.0/8"]},
    "fault": {"authenticator": FakeAuthenticator(failure=RuntimeError("the store is away"))},
}


def needles():
    return (MARK, BASE64[:-3], LATIN[:-3])


@pytest.mark.parametrize("kind", EDGES)
@pytest.mark.parametrize("host", ["localhost", "repo.example.com", f"{MARK}.example", f"a@{MARK}"])
def test_no_answer_and_no_log_holds_a_credential(kind, host, caplog):
    edge = Edge(**EDGES[kind])
    with caplog.at_level(logging.DEBUG):
        for headers in HEADERS:
            for target in TARGETS:
                for method in ("GET", "PUT", "BREW", "OPTIONS"):
                    answer = edge.ask(method, target, host=host, headers=headers)
                    said = answer.body.decode() + repr(answer.headers) + repr(answer.context)
                    said += "".join(repr(r.__dict__) for r in caplog.records) + caplog.text
                    caplog.clear()
                    # The authority of a checked host is in the context; no host is marked there.
                    assert not any(n in said for n in needles()), (headers, target, method)
