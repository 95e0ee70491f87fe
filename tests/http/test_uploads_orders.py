"""Whatever order pieces, breaks, resends and lost answers come in: the same bytes, once."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.publishing.sessions_pieces import SLICE_BYTES
from tests.http.client import Vanishing
from tests.http.pieces import MIB, Upload, bytes_of
from tests.http.stand import Stand

#: A step: what happens to a piece of so many bytes, and how many of them arrive.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["whole", "chunked", "broken", "sent again", "elsewhere", "store fails"]),
        st.integers(1, 400_000),
        st.floats(0, 1),
    ),
    max_size=12,
)


@pytest.fixture(params=["memory", "folder"])
def filled(request: pytest.FixtureRequest) -> Stand:
    found: Stand = request.getfixturevalue(f"{request.param}_stand")
    found.repository("files", overwrite=True)
    return found


@contextmanager
def one_file_more(stand: Stand) -> Iterator[None]:
    """The block makes one blob, and leaves no unfinished upload."""
    before = stand.dump()
    yield
    after = stand.dump()
    assert len(set(after.blobs) - set(before.blobs)) <= 1  # none where these bytes were known
    assert after.uploads == before.uploads


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(size=st.integers(0, 2 * MIB), seed=st.integers(0, 3), steps=STEPS, told=st.booleans())
def test_the_bytes_are_those_that_were_sent(
    filled: Stand, size: int, seed: int, steps: list[tuple[str, int, float]], told: bool
) -> None:
    data = bytes_of(size, seed)
    with one_file_more(filled):
        upload = Upload(filled.admins, data, length=told)
        for step, count, share in steps:
            _do(filled, upload, step, count, share)
        offset = upload.offset
        if offset < size or not told:
            tells = {"Content-Range": f"bytes */{size}"}
            upload.client.ask("PATCH", upload.location, headers=tells, body=b"")
        if offset < size:
            assert upload.rest(offset).status == 202
        assert upload.put().status in (200, 201)
        assert upload.put().status in (200, 201)
    assert filled.admins.get("/repositories/files/a/b.bin").body == data


def _do(stand: Stand, upload: Upload, step: str, count: int, share: float) -> None:
    first = upload.offset
    end = min(first + count, len(upload.data))
    if first == end:
        return
    if step == "elsewhere":
        wrong = first + 1 if end + 1 <= len(upload.data) else first - 1
        if wrong >= 0:
            answer = upload.piece(wrong, wrong + end - first)
            assert (answer.status, answer.json["offset"]) == (409, first)
        return
    if step == "broken":
        arrived = upload.data[first : first + int((end - first) * share)]
        whole = arrived == upload.data[first:end]
        answer = upload.piece(first, end, body=Vanishing(arrived), length=str(end - first))
        assert answer.status == (202 if whole else 400)
        # What is read at once and does not come whole is not kept.
        assert 0 <= first + len(arrived) - upload.offset < SLICE_BYTES
        return
    if step == "store fails":
        stand.blobs.fail("suspend")
        assert upload.piece(first, end).status == 503
        assert upload.offset == first
        return
    assert upload.piece(first, end, chunked=step == "chunked").status == 202
    if step == "sent again":  # its answer was lost
        assert upload.piece(first, end).status == 409
    assert upload.offset == end
