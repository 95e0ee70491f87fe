"""Commands run in this process: the same function that the console script calls."""

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from app.cli import main


class Here:
    """Runs commands in this process: the same function that the console script calls."""

    def __init__(
        self, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._capsys = capsys
        for name in list(os.environ):
            if name.startswith("STRONGROOM_"):
                monkeypatch.delenv(name)
        monkeypatch.setenv("STRONGROOM_DATA", str(data))
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, typed: str = "") -> tuple[int, str, str]:
        """Exit status, and what was written to stdout and stderr."""
        return self.on(io.StringIO(typed), *arguments)

    def on(self, stdin: Any, *arguments: str) -> tuple[int, str, str]:
        """The same, with a standard input of any kind."""
        self._monkeypatch.setattr("sys.stdin", stdin)
        try:
            status = main(arguments)
        except SystemExit as end:
            status = int(end.code or 0)
        written = self._capsys.readouterr()
        return status, written.out, written.err

    def json(self, *arguments: str, typed: str = "") -> Any:
        status, out, err = self(*arguments, "--json", typed=typed)
        assert (status, err) == (0, "")
        return json.loads(out)
