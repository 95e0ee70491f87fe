"""The answer to a GET or HEAD of a file: conditions, one range, headers, bytes.

A stored file never runs in the service's origin: what a browser could run goes out as an
attachment, and everything under a policy that lets nothing run.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from falcon import HTTP_200, HTTP_206, HTTP_304, HTTP_416, Request, Response

from app.audit import Reads
from app.distribution import SubscriberDownloads
from app.publishing import Artifact
from app.raw.conditions import Outcome, http_date, parse_conditions
from app.raw.content_types import content_type, opens_in_a_browser
from app.raw.ranges import ByteRange, RangeNotSatisfiable, parse_range
from app.repositories import ArtifactPath, Repository
from app.retention import LastDownloads
from app.visitors import reader_of
from middleware.context import SERVER_FINISHES, context_of
from middleware.response_headers import put_headers
from storage.blobs import BlobCorrupt, Blobs, Download

_CONDITIONS = (
    "HTTP_IF_MATCH",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_UNMODIFIED_SINCE",
)
_PLAIN = re.compile(r"[A-Za-z0-9._+-]+", re.ASCII)
_CONDITIONAL = frozenset(_CONDITIONS)
_TIMES = frozenset(_CONDITIONS[2:])


class Downloads:
    """Sends files."""

    def __init__(
        self,
        blobs: Blobs,
        last: LastDownloads,
        reads: Reads,
        distributed: SubscriberDownloads,
    ) -> None:
        self._blobs = blobs
        self._last = last
        self._reads = reads
        self._distributed = distributed

    def answer(
        self,
        req: Request,
        resp: Response,
        repository: Repository,
        path: ArtifactPath,
        artifact: Artifact,
        *,
        alias: bool = False,
        counted: bool = True,
    ) -> None:
        """Answer with the file, a part of it, or that it was not modified.

        Under an `alias` it is one of several that come and go there, the newer ones too: nothing
        is told or asked by time, and the rest of a file is sent to who names it by its tag alone.
        Where it is not `counted`, it is no download of what lies at the path.

        Raises PreconditionFailed, InvalidCondition, and what the blob store raises.
        """
        env = _without_times(req.env) if alias else req.env
        digests = artifact.digests
        put_headers(
            resp,
            _headers(
                digests["sha256"],
                artifact.modified,
                repository.public,
                digests.get("md5"),
                digests.get("sha1"),
            ),
        )
        if alias:
            resp.delete_header("Last-Modified")
        if not _CONDITIONAL.isdisjoint(env):
            conditions = parse_conditions(*(env.get(name) for name in _CONDITIONS))
            if conditions.for_reading(artifact) is Outcome.NOT_MODIFIED:
                resp.status = HTTP_304
                if counted:
                    self._note(req, repository, path)  # whoever has it still uses it
                return
        put_headers(resp, type_headers(path.name))
        wanted: ByteRange | None = None
        if "HTTP_RANGE" in env and req.method == "GET":
            try:
                wanted = parse_range(env["HTTP_RANGE"], env.get("HTTP_IF_RANGE"), artifact)
            except RangeNotSatisfiable as error:
                resp.status = HTTP_416
                resp.set_header("Content-Range", f"bytes */{error.size}")
                raise
        if wanted is None:
            resp.status = HTTP_200
            resp.content_length = artifact.size
        else:
            resp.status = HTTP_206
            resp.content_length = wanted.length
            resp.set_header("Content-Range", wanted.header(artifact.size))
        if req.method != "HEAD":
            self._send(req, resp, artifact, wanted)
            if repository.audit_reads:
                size = artifact.size if wanted is None else wanted.length
                self._reads.note(repository, path, digests["sha256"], size, reader_of(req))
            if counted:
                self._count(req, repository, artifact.size, wanted)
        if counted:
            self._note(req, repository, path)

    def _note(self, req: Request, repository: Repository, path: ArtifactPath) -> None:
        if repository.downloads_days is not None and req.method == "GET":
            self._last.note(repository, path)

    def _count(
        self, req: Request, repository: Repository, size: int, wanted: ByteRange | None
    ) -> None:
        """Count for a subscriber what is sent to him, when it was sent."""
        context = context_of(req)
        reader = context.principal
        if reader is None or reader.kind != "subscriber":
            return
        length = size if wanted is None else wanted.length
        whole = wanted is None or wanted.start == 0
        counts_itself = SERVER_FINISHES in req.env

        def count() -> None:
            sent = min(length, context.bytes_out) if counts_itself else length
            self._distributed.count(
                reader.organization, reader.user_id, repository.id, sent, whole=whole
            )

        context.on_finish(count)

    def _send(
        self, req: Request, resp: Response, artifact: Artifact, wanted: ByteRange | None
    ) -> None:
        if artifact.blob is None:
            return
        if wanted is None:
            download = self._blobs.open(artifact.blob)
            if download.size != artifact.size:  # said before a byte of it is sent
                download.close()
                raise BlobCorrupt("a blob is shorter or longer than its record says")
        else:
            download = self._blobs.open(artifact.blob, wanted.start, wanted.length)
        if download.file is not None and "wsgi.file_wrapper" in req.env:
            resp.stream = download.file  # the server sends it without copying
        else:
            resp.stream = _Begun(download)


def _without_times(env: Mapping[str, Any]) -> dict[str, Any]:
    """What a request asks without what it asks by time, and without a range that no tag is for."""
    left = {name: value for name, value in env.items() if name not in _TIMES}
    if not left.get("HTTP_IF_RANGE", "").startswith('"'):
        left.pop("HTTP_RANGE", None)
    return left


class _Begun:
    """A download whose first piece was read: where that fails, the answer can still say so.

    Behind the first byte a failure is a body that is cut.
    """

    __slots__ = ("_download", "_first", "_rest")

    def __init__(self, download: Download) -> None:
        self._download = download
        self._rest = iter(download)
        try:
            self._first = next(self._rest, None)
        except BaseException:
            download.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        if self._first is not None:
            yield self._first
            self._first = None  # it is sent: a piece may be 1 MiB
            yield from self._rest

    def close(self) -> None:
        self._download.close()


@lru_cache(maxsize=8192)
def _headers(
    sha256: str, modified: datetime, public: bool, md5: str | None, sha1: str | None
) -> dict[str, str]:
    """The headers that a 200 and a 304 share (RFC 9110, section 15.4.5), names in lower case."""
    digest = base64.b64encode(bytes.fromhex(sha256)).decode()
    headers = {
        "etag": f'"sha256:{sha256}"',
        "last-modified": http_date(modified),
        "accept-ranges": "bytes",
        "cache-control": "public, no-cache" if public else "private, no-cache",
        "repr-digest": f"sha-256=:{digest}:",
        "x-checksum-sha256": sha256,
    }
    if md5 is not None:
        headers["x-checksum-md5"] = md5
    if sha1 is not None:
        headers["x-checksum-sha1"] = sha1
    return headers


@lru_cache(maxsize=4096)
def type_headers(name: str) -> dict[str, str]:
    """The headers that say what a file is, and keep a browser from running it."""
    type_ = content_type(name)
    headers = {
        "content-type": type_,
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
    }
    if not opens_in_a_browser(type_):
        headers["content-disposition"] = f"attachment; {_named(name)}"
    return headers


def _named(name: str) -> str:
    """A file's name as a parameter (RFC 6266 section 4.3). pip (26.3) takes the extended form for
    a part of the name, and so gets it only where there is no other."""
    if _PLAIN.fullmatch(name):
        return f'filename="{name}"'
    return f"filename*=UTF-8''{quote(name)}"
