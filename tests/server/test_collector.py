"""The garbage collector of a worker: it looks at what requests make, and rarely."""

from tests.server.running import running
from tests.server.wire import parse, request


def test_what_is_loaded_is_left_out_and_collections_are_rare() -> None:
    """By itself Python would look at each 700 new objects, and now and then at all there are."""
    with running("tests.server.samples:collector") as server:
        [answer] = parse(server.exchange(request("GET /", "Connection: close")))
    frozen, threshold = map(int, answer.text.split())
    assert frozen > 10_000  # the modules of gunicorn alone are more
    assert threshold == 10_000
