"""What a process of clients does, as it is handed over to it."""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.durability.wire import Address

_VARIABLE = "DURABILITY_PLAN"
#: The module of clients that write files of any name.
FILES = "tests.durability.clients"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process of clients does.

    Attributes:
        process: its number; also which of the addresses its clients begin with.
        keys: an API key for each client.
        files: how many new files each client writes, over all lives of the process, unless
            it is told before that it is over.
        large_bytes: the largest body, sent now and then.
        folder: where the diary lies.
        clients: the module that runs them.
    """

    process: int
    addresses: list[Address]
    repository: str
    keys: list[str]
    files: int
    large_bytes: int
    folder: str
    clients: str = FILES

    @classmethod
    def given(cls) -> "Plan":
        """The plan that this process was started with."""
        return cls(**json.loads(os.environ[_VARIABLE]))

    @property
    def over(self) -> Path:
        """A file that is there as soon as the clients are to end."""
        return Path(self.folder) / "over"

    @property
    def diary(self) -> Path:
        return Path(self.folder) / f"diary-{self.process}"

    def url(self, path: str) -> str:
        return f"/repositories/{self.repository}/{path}"

    def command(self, life: int) -> tuple[list[str], dict[str, str]]:
        """The command and environment that run it, for the `life`th time."""
        root = Path(__file__).resolve().parents[2]
        plan = {"PYTHONPATH": str(root), _VARIABLE: json.dumps(asdict(self))}
        command = [sys.executable, "-m", self.clients, str(life)]
        return command, {**os.environ, **plan}
