"""One large body through a real S3 server: processor time beside a bare script with boto3."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import boto3

from benchmarks.figures import Figure, by_turns, middle, spread
from benchmarks.peers.boto import processor_seconds
from benchmarks.plan import Plan
from benchmarks.processes import BenchmarkFailed
from benchmarks.service import Service, path_of, strongroom
from benchmarks.uploads import curl_put, renew, write_random
from tests.engines.dynamodb_local import CREDENTIALS
from tests.engines.s3_server import REGION, s3_server
from tests.parts import tool

BUCKET = "bench"


def remote(plan: Plan, folder: Path) -> Iterator[Figure]:
    """Upload and download of a quarter of the large size, raw: SHA-256 alone."""
    size = plan.large_bytes // 4
    source = folder / "source"
    write_random(source, size)
    with s3_server() as url:
        make_bucket(url)
        with strongroom(
            folder / "ours",
            settings={"BLOBS": f"s3://{BUCKET}/ours?region={REGION}&endpoint={url}"},
            environment=CREDENTIALS,
        ) as service:
            yield from _upload(plan, service, url, source, size)
            yield from _download(plan, service, url, size)


def _upload(plan: Plan, service: Service, url: str, source: Path, size: int) -> Iterator[Figure]:
    def ours() -> float:
        renew(source)
        before = service.server.cpu_seconds()
        curl_put(service.port, path_of("upload"), source, service.key)
        return service.server.cpu_seconds() - before

    def theirs() -> float:
        return processor_seconds("upload", BUCKET, "theirs", url, size, CREDENTIALS)

    yield _figure("upload", size, *by_turns(plan.rounds, ours, theirs))


def _download(plan: Plan, service: Service, url: str, size: int) -> Iterator[Figure]:
    def ours() -> float:
        before = service.server.cpu_seconds()
        _curl_get(service, path_of("upload"), size)
        return service.server.cpu_seconds() - before

    def theirs() -> float:
        return processor_seconds("download", BUCKET, "theirs", url, size, CREDENTIALS)

    yield _figure("download", size, *by_turns(plan.rounds, ours, theirs))


def _figure(what: str, size: int, ours: list[float], theirs: list[float]) -> Figure:
    return Figure(
        f"{what} of {size >> 20} MiB through a real S3 server, processor time",
        middle(ours),
        "bare script with boto3",
        middle(theirs),
        "s",
        1.5,
        "less",
        spread(ours),
    )


def _curl_get(service: Service, path: str, size: int) -> None:
    command = [str(tool("curl")), "--silent", "--show-error", "--fail", "--output", "/dev/null"]
    command += ["--write-out", "%{size_download}"]
    for name, value in service.key.items():
        command += ["--header", f"{name}: {value}"]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{service.port}{path}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 or done.stdout != str(size):
        raise BenchmarkFailed(f"GET {path}: {done.returncode} {done.stdout} {done.stderr}")


def make_bucket(url: str) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_bucket(Bucket=BUCKET)
    client.close()
