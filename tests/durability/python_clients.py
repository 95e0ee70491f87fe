"""A process of clients that upload distributions by forms, delete, restore, yank and read.

Run as a module, as `clients`. Each client has projects of its own, in which it knows what must be
there and what the index must tell, and shares one with all clients. Nothing is overwritten: of
each name, and of all names that mean the same, there are one file's bytes for ever.
"""

import hashlib
import json
import sys
import time

from app.python.filenames import parse_distribution
from tests.durability.clients import Client, main
from tests.durability.diary import Content, Deed, Diary, Kind
from tests.durability.distributions import core_metadata
from tests.durability.folders import Folders
from tests.durability.own import NOTHING, OwnFolder
from tests.durability.plan import Plan
from tests.durability.wire import Answer, begin_put
from tests.python.building import FORM_TYPE, fields, form

_JSON = "application/vnd.pypi.simple.v1+json"
_RELEASES = 10  # of a project
_KINDS = ("-py3-none-any.whl", "-cp311-cp311-linux_x86_64.whl", ".tar.gz", ".zip")
#: How names are spelled that mean the same as those.
_TWINS = {".tar.gz": ".zip", "-py3-": "-Py3-", "-cp311-cp": "-CP311-cp"}
_TWINS |= {other: one for one, other in _TWINS.items()}

#: What a name that is taken, or means another's, is refused with.
_TAKEN = (b"already exists", b"no other beside it", b"means the same as")


class PythonClient(Client):
    """One client, and what it does next."""

    def __init__(self, plan: Plan, number: int, life: int, diary: Diary) -> None:
        super().__init__(plan, number, life, diary)
        self.own = OwnFolder(self.name, f"files/{self.name}-")
        self._folders = Folders(self)
        #: What was acknowledged first, by what it claims: nothing else ever is.
        self._first: dict[str, tuple[str, Content]] = {}
        self._tried: set[str] = set()
        #: Why a file was yanked, None where it was not. Those are left out of which nobody knows.
        self._yanked: dict[str, str | None] = {}
        self._unsure: set[str] = set()

    def remember(self, deeds: list[Deed]) -> None:
        """Know what was done in earlier lives."""
        super().remember(deeds)
        for deed in deeds:
            if deed.client == self.name:
                self._note(deed)

    def end(self, deed: Deed, status: int | None, wrong: str = "") -> None:
        super().end(deed, status, wrong)
        self._note(deed)

    def _act(self) -> None:
        roll = self.random.random()
        new = self._new_path()
        shared = _path("shared", self.random.randrange(12), "", self.random.choice(_KINDS))
        own = self.random.choice(self.own.paths) if self.own.paths else new
        if roll < 0.45:
            self._put(new)
        elif roll < 0.52:
            self._put(own)
        elif roll < 0.58:
            self._put(_twin(own))
        elif roll < 0.66:
            self._delete(own)
        elif roll < 0.72:
            self._read(own)
        elif roll < 0.78:
            self._look(own)
        elif roll < 0.83:
            self._put(self.random.choice((shared, _twin(shared))))
        elif roll < 0.85:
            self._delete(shared)
        elif roll < 0.88:
            self._vanish(self.random.choice((own, new, shared)))
        elif roll < 0.92:
            self._yank(own)
        elif roll < 0.95:
            self._folders.restore(self.random.choice(self._gone() or [own]))
        else:
            self._folders.act(self.random, own)

    def _new_path(self) -> str:
        """A path that was never used, whatever was made of it in an earlier life."""
        number = len(self.own.paths)
        project = f"{self.name}-{number // _RELEASES:03d}"
        return _path(project, number, f".{self.life}", self.random.choice(_KINDS))

    def _gone(self) -> list[str]:
        """What was there and was deleted."""
        return [path for path, _ in self._first.values() if self.own.certain.get(path) == NOTHING]

    def _content_at(self, path: str) -> Content:
        """What was sent there before, or anything else."""
        first = self._first.get(_identity(path))
        if first is not None and first[0] == path and self.random.random() < 0.5:
            return first[1]
        return Content.of_distribution(path.rpartition("/")[2], self.random.getrandbits(60))

    def _put(self, path: str) -> None:
        content = self._content_at(path)
        deed = self.begin(Kind.PUT, path, content)
        if self.random.random() < 0.15:
            answer = self.ask(deed, "PUT", body=content.bytes())
        else:
            data, named = self._form(content)
            # A body that is no bytes has no length: it is sent in chunks.
            body = iter((data,)) if self.random.random() < 0.15 else data
            answer = self.ask(deed, "POST", self.plan.url(""), named, body)
        wrong = "" if answer is None else self._judge(deed, answer)
        self.end(deed, None if answer is None else answer.status, wrong)

    def _form(self, content: Content) -> tuple[bytes, dict[str, str]]:
        data, said = content.bytes(), parse_distribution(content.filename)
        given = fields(content.filename, data, said.project, said.shown)
        first = self.random.random() < 0.3
        return form(content.filename, data, given, first=first), {"Content-Type": FORM_TYPE}

    def _judge(self, deed: Deed, answer: Answer) -> str:
        """What is wrong about the answer to an upload."""
        assert deed.content is not None
        identity, gone = _identity(deed.path), self.own.certain.get(deed.path) == NOTHING
        first = self._first.get(identity)
        match answer.status:
            case 200 | 201:
                told = json.loads(answer.body)
                if told["digests"]["sha256"] != deed.content.sha256:
                    return f"upload of {deed.content}: {answer}"
                if first is not None and (first != (deed.path, deed.content) or gone):
                    return f"{first} had that name: {answer}"
            case 400 | 409:
                is_own = deed.path.startswith(f"files/{self.name}-")
                if answer.status == 400 and not any(word in answer.body for word in _TAKEN):
                    return f"upload of {deed.content}: {answer}"
                if is_own and identity not in self._tried:
                    return f"nobody had that name: {answer}"
                if first == (deed.path, deed.content) and deed.content in (
                    self.own.certain.get(deed.path, NOTHING)
                ):
                    return f"the same was there: {answer}"
            case 503:
                pass
            case _:
                return f"upload of {deed.content}: {answer}"
        return ""

    def _vanish(self, path: str) -> None:
        """Send a form and be gone: in the middle of it, or just before the answer."""
        content = self._content_at(path)
        data, named = self._form(content)
        whole = self.random.random() < 0.3
        sent = data if whole else data[: self.random.randrange(len(data))]
        connection = self.connected()
        deed = self.begin(Kind.PUT if whole else Kind.CUT, path, content)
        length = {"X-Request-Id": deed.id, "Content-Length": str(len(data))}
        address = (connection.host, connection.port)
        try:
            with begin_put(
                address, self.plan.url(""), {**self.key, **named, **length}, sent, "POST"
            ):
                time.sleep(self.random.choice((0.0, self.random.uniform(0.0, 0.05))))
        except OSError:
            self.disconnect()  # the machine was killed first
        self.end(deed, None)

    def _yank(self, path: str) -> None:
        """Yank a file for a reason that nobody else has, or take that back."""
        kind = Kind.YANK if self._yanked.get(path) is None else Kind.UNYANK
        deed = self.begin(kind, path)
        _, project, filename = path.split("/")
        url = f"/api/repositories/{self.plan.repository}/projects/{project}/files/{filename}"
        said = {"yanked": True, "reason": deed.id} if kind is Kind.YANK else {"yanked": False}
        named = {"Content-Type": "application/json"}
        answer = self.ask(deed, "PATCH", url, named, json.dumps(said).encode())
        wrong = ""
        if answer is not None and answer.status not in (200, 204, 404, 503):
            wrong = f"{kind}: {answer}"
        self.end(deed, None if answer is None else answer.status, wrong)

    def _look(self, path: str) -> None:
        """Read the page of a project of its own, and what lies beside a wheel there."""
        deed = self.begin(Kind.READ, path)
        _, project, filename = path.split("/")
        page = self.ask(deed, "GET", self.plan.url(f"simple/{project}/"), {"Accept": _JSON})
        beside = None
        if page is not None and page.status == 200:
            beside = self.ask(deed, "GET", f"{self.plan.url(path)}.metadata")
        wrong = ""
        if page is not None and page.status != 503:
            wrong = self._wrong_page(f"files/{project}/", page)
        if beside is not None and beside.status != 503:
            wrong = wrong or self._wrong_metadata(path, filename, beside)
        self.end(deed, None if page is None else page.status, wrong)

    def _wrong_page(self, folder: str, answer: Answer) -> str:
        if answer.status not in (200, 404):
            return f"page: {answer}"
        files = json.loads(answer.body)["files"] if answer.status == 200 else []
        listed = {f"{folder}{file['filename']}": file for file in files}
        for path, possible in self.own.certain.items():
            if not path.startswith(folder):
                continue
            file = listed.get(path)
            if file is None:
                if None not in possible:
                    return f"{path} is not in the index, which is {possible}"
                continue
            told = file["hashes"]["sha256"], file["core-metadata"]
            if told not in [(one.sha256, _core(one)) for one in possible if one is not None]:
                return f"{path} is {possible}, and in the index {file}"
            if path in self._yanked and (file["yanked"] or None) != self._yanked[path]:
                return f"{path} is yanked for {self._yanked[path]}, and in the index {file}"
        return ""

    def _wrong_metadata(self, path: str, filename: str, answer: Answer) -> str:
        possible = self.own.certain.get(path)
        if possible is None or not filename.endswith(".whl"):
            return ""
        bodies = [core_metadata(filename, one.seed) for one in possible if one is not None]
        good = None in possible if answer.status == 404 else answer.body in bodies
        return "" if good else f"the metadata of {path}, which is {possible}: {answer}"

    def _note(self, deed: Deed) -> None:
        """Know what a deed that has ended, of now or of an earlier life, means for a name."""
        if deed.kind in (Kind.YANK, Kind.UNYANK):
            if deed.acknowledged and deed.path not in self._unsure:
                self._yanked[deed.path] = deed.id if deed.kind is Kind.YANK else None
            elif not deed.is_refused:
                self._unsure.add(deed.path)  # it may come about later
                self._yanked.pop(deed.path, None)
        elif deed.kind is Kind.PUT and deed.content is not None:
            identity = _identity(deed.path)
            self._tried.add(identity)
            if deed.acknowledged:
                self._first.setdefault(identity, (deed.path, deed.content))


def _path(project: str, number: int, more: str, kind: str) -> str:
    return f"files/{project}/{project.replace('-', '_')}-1.{number}{more}{kind}"


def _twin(path: str) -> str:
    """Another name that means the same."""
    return next(path.replace(one, other) for one, other in _TWINS.items() if one in path)


def _identity(path: str) -> str:
    return parse_distribution(path.rpartition("/")[2]).identity


def _core(content: Content) -> object:
    """What the index tells of the METADATA in a file."""
    core = core_metadata(content.filename, content.seed)
    return False if core is None else {"sha256": hashlib.sha256(core).hexdigest()}


if __name__ == "__main__":
    sys.exit(main(PythonClient))
