"""Counting over several processes, some of which are killed."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from middleware.metrics import Metrics, render
from middleware.metrics.catalogue import FAMILIES
from middleware.metrics.pages import FILE_BYTES, Series
from middleware.metrics.text import exposition
from tests import parts

LINE = re.compile(
    r'(?:# (?:HELP|TYPE) [a-z_]+ [^\n]+|[a-z_]+(?:\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? \S+)'
)


def value(text: str, series: str) -> float:
    [line] = [line for line in text.split("\n") if line.startswith(series + " ")]
    return float(line.rpartition(" ")[2])


def test_everything_is_counted(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path)
    metrics.request("/repositories/{r}", "GET", 200, 0.003, 0, 10)
    metrics.request("/repositories/{r}", "GET", 200, 70.0, 5, 0)
    metrics.storage_call("blobs", "open", 0.0005, "ok")
    metrics.conflicts(3)
    metrics.cache("principals", True)
    metrics.cache("principals", False)
    metrics.uploads(1)
    metrics.in_flight(2)
    text = metrics.render()
    requests = '{route="/repositories/{r}",method="GET"'
    assert value(text, f'strongroom_http_requests_total{requests},status="200"}}') == 2
    bucket = f"strongroom_http_request_seconds_bucket{requests}"
    assert value(text, f'{bucket},le="0.001"}}') == 0
    assert value(text, f'{bucket},le="0.005"}}') == 1
    assert value(text, f'{bucket},le="60"}}') == 1
    assert value(text, f'{bucket},le="+Inf"}}') == 2
    assert value(text, f"strongroom_http_request_seconds_count{requests}}}") == 2
    assert value(text, f"strongroom_http_request_seconds_sum{requests}}}") == 70.003
    assert value(text, 'strongroom_http_bytes_total{direction="in"}') == 5
    assert value(text, 'strongroom_http_bytes_total{direction="out"}') == 10
    calls = 'strongroom_storage_call_seconds_bucket{store="blobs",call="open",outcome="ok"'
    assert value(text, f'{calls},le="0.0005"}}') == 1
    assert value(text, "strongroom_storage_conflicts_total") == 3
    assert value(text, 'strongroom_cache_hits_total{cache="principals"}') == 1
    assert value(text, 'strongroom_cache_misses_total{cache="principals"}') == 1
    assert value(text, "strongroom_uploads_in_flight") == 1
    assert value(text, "strongroom_http_requests_in_flight") == 2
    metrics.close()


def test_the_text_is_well_formed(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path)
    metrics.request('/a"b\\c\nd', "GET", 200, 0.1, 1, 1)
    text = metrics.render()
    metrics.close()
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        assert LINE.fullmatch(line), line
    assert text.count("# TYPE ") == text.count("# HELP ") == len(FAMILIES)
    assert r'route="/a\"b\\c\nd"' in text


def test_promtool_finds_no_fault(tmp_path: Path) -> None:
    promtool = parts.tool("promtool")
    metrics = Metrics(tmp_path)
    test_numbers = metrics.render()
    metrics.close()
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=test_numbers.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_methods_that_nobody_knows_make_no_series(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path)
    for number in range(100):
        metrics.request("-", f"METHOD{number}", 405, 0.1, 0, 0)
    text = metrics.render()
    metrics.close()
    other = 'strongroom_http_requests_total{route="-",method="other",status="405"}'
    assert value(text, other) == 100
    assert "METHOD" not in text


def test_threads_lose_no_counts(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path)

    def count() -> None:
        for _ in range(2000):
            metrics.conflicts(1)
            metrics.cache("c", True)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = metrics.render()
    metrics.close()
    assert value(text, "strongroom_storage_conflicts_total") == 16_000
    assert value(text, 'strongroom_cache_hits_total{cache="c"}') == 16_000


def test_no_room_for_series_is_counted_and_breaks_nothing(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path)
    for number in range(10_000):
        metrics.cache(f"cache{number}", True)
    metrics.cache("cache0", True)
    text = metrics.render()
    metrics.close()
    assert value(text, 'strongroom_cache_hits_total{cache="cache0"}') == 2
    assert value(text, "strongroom_metrics_dropped_total") > 1000


def test_what_the_dead_counted_stays_and_their_gauges_go(tmp_path: Path) -> None:
    """However often they are read, and by whom."""
    living = Metrics(tmp_path)
    living.conflicts(1)
    living.uploads(1)
    for _ in range(3):
        dead = Metrics(tmp_path)
        dead.conflicts(10)
        dead.uploads(5)
        dead.storage_call("blobs", "open", 1.0, "ok")
        dead.close()
    for _ in range(2):
        text = render(tmp_path)
        assert value(text, "strongroom_storage_conflicts_total") == 31
        assert value(text, "strongroom_uploads_in_flight") == 1
        calls = 'strongroom_storage_call_seconds_count{store="blobs",call="open",outcome="ok"}'
        assert value(text, calls) == 3
    assert [path.name for path in tmp_path.glob("*.live")] == [living._pages.path.name]
    living.close()
    text = render(tmp_path)
    assert value(text, "strongroom_storage_conflicts_total") == 31
    assert "\nstrongroom_uploads_in_flight " not in text


def test_a_reader_killed_between_folding_and_removing_counts_nothing_twice(tmp_path: Path) -> None:
    dead = Metrics(tmp_path)
    dead.conflicts(10)
    dead.close()
    [path] = tmp_path.glob("*.live")
    kept = path.read_bytes()
    render(tmp_path)
    path.write_bytes(kept)  # as if the removal had not happened
    assert value(render(tmp_path), "strongroom_storage_conflicts_total") == 10
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"x", b"\xff" * FILE_BYTES, bytes(FILE_BYTES)])
def test_what_a_power_failure_left_is_no_trouble(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "1-0.live").write_bytes(content)
    (tmp_path / "folded.json").write_bytes(content)
    metrics = Metrics(tmp_path)
    metrics.conflicts(1)
    assert value(metrics.render(), "strongroom_storage_conflicts_total") == 1
    assert value(metrics.render(), "strongroom_storage_conflicts_total") == 1
    metrics.close()


def test_numbers_of_another_version_are_left_out() -> None:
    text = exposition(
        {
            Series("strongroom_gone_total", ()): [1],
            Series("strongroom_http_request_seconds", ("/", "GET")): [1, 2],
        }
    )
    assert "gone" not in text
    assert 'route="/"' not in text


COUNTER = """
import sys
from pathlib import Path
from middleware.metrics import Metrics
metrics = Metrics(Path(sys.argv[1]))
while True:
    metrics.conflicts(1)
    metrics.cache("c", True)
"""


def test_counters_never_go_back_while_processes_are_killed(tmp_path: Path) -> None:
    """Processes that count without end, each killed anywhere; a reader sees only more."""
    last = (0.0, 0.0)
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", COUNTER, str(tmp_path)])
        try:
            end = time.monotonic() + 20
            while not any(str(process.pid) in path.name for path in tmp_path.glob("*.live")):
                assert time.monotonic() < end
                time.sleep(0.02)
            for _ in range(5):
                last = further(tmp_path, last)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        last = further(tmp_path, last)
        assert further(tmp_path, last) == last
    assert not list(tmp_path.glob("*.live"))


def further(directory: Path, last: tuple[float, float]) -> tuple[float, float]:
    text = render(directory)
    # A process that was just started may have no series yet.
    conflicts = re.search(r"\nstrongroom_storage_conflicts_total (\d+)", text)
    hits = re.search(r'strongroom_cache_hits_total\{cache="c"\} (\d+)', text)
    now = float(conflicts[1]) if conflicts else 0.0, float(hits[1]) if hits else 0.0
    assert now >= last
    assert now[1] >= last[1]
    return now
