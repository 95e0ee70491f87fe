"""What a client knows of the folder that nobody else writes to."""

from collections import defaultdict

from tests.durability.diary import Content, Deed, Kind

#: What may be under a path: contents, or None for nothing.
Possible = frozenset[Content | None]
NOTHING: Possible = frozenset({None})


class OwnFolder:
    """The paths of a client, and what must be there by the answers that it got."""

    def __init__(self, client: str, prefix: str = "") -> None:
        """`prefix` is what all of its paths begin with, where that is no folder of its name."""
        self._prefix = prefix or f"own/{client}/"
        self.paths: list[str] = []  # in the order in which they were first written
        self._met: set[str] = set()
        #: Once a change of a path was not answered, it is not here any more: that one may
        #: still happen, behind later ones.
        self.certain: dict[str, Possible] = {}
        #: What was there before, and may come back.
        self._kept: defaultdict[str, set[Content | None]] = defaultdict(set)
        self._may_be_purged: set[str] = set()
        #: When the last change of a path ended: one that had begun by then was at the same time.
        self._ended: dict[str, float] = {}
        #: Folders of which a change was not answered: a job may go on with it, and takes up what
        #: was there, or had gone, two seconds after it was asked for.
        self._unanswered: set[tuple[str, Kind]] = set()

    def new_path(self, life: int) -> str:
        """A path that was never used, 40 of them in a folder."""
        number = len(self.paths)
        return f"{self._prefix}{number // 40:03d}/{number:05d}.{life}.bin"

    def folders(self) -> list[str]:
        """The folders of files, with a slash at their end."""
        return sorted({path.rpartition("/")[0] + "/" for path in self.paths})

    def learn(self, deed: Deed) -> None:
        """Know what a deed, of now or of an earlier life, did."""
        if not deed.path.startswith(self._prefix):
            return
        if deed.kind.is_of_a_folder:
            # 202 is that of a job which has ended, or was begun long before what is met later.
            if deed.status != 202 and not deed.settles and not deed.is_refused:
                self._unanswered.add((deed.path, deed.kind))
            for path in self.paths:
                if path.startswith(deed.path):
                    self._learn(path, deed)
            return
        if not deed.changes:
            return
        if deed.path not in self._met:
            self._met.add(deed.path)
            self.paths.append(deed.path)
            self._meet(deed.path)
        self._learn(deed.path, deed)

    def _meet(self, path: str) -> None:
        """Nothing is under a path that is new, unless the change of a folder may reach it."""
        kinds = {kind for folder, kind in self._unanswered if path.startswith(folder)}
        if Kind.PURGE in kinds:
            self._may_be_purged.add(path)
        if not kinds - {Kind.PURGE}:
            self.certain[path] = NOTHING

    def _learn(self, path: str, deed: Deed) -> None:
        if deed.kind is Kind.PURGE:
            self._kept[path].clear()
            if not deed.settles:
                self._may_be_purged.add(path)
            return
        before = self.certain.get(path)
        at_once = deed.begun < self._ended.get(path, deed.begun)
        if deed.ended is not None:
            self._ended[path] = max(deed.ended, self._ended.get(path, deed.ended))
        if before is None or deed.is_refused:
            return
        if not deed.settles or at_once:
            del self.certain[path]
            return
        if deed.kind.brings_back:
            self._bring_back(path, before, deed)
            return
        self._kept[path] |= before - {deed.content, None}
        self.certain[path] = frozenset({deed.content})

    def _bring_back(self, path: str, before: Possible, deed: Deed) -> None:
        """Where nothing is, something that was there is; which of several, clocks decide."""
        if path in self._may_be_purged:
            del self.certain[path]
        elif before == NOTHING and self._kept[path]:
            self.certain[path] = frozenset(self._kept[path])
