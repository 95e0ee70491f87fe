"""What commands print: for people by default, one JSON document with `--json`."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO, TypeAlias

#: Runs a command: its options, the environment, and where it prints.
Run: TypeAlias = Callable[[argparse.Namespace, Mapping[str, str], "Output"], int]

#: What `add_subparsers` returns.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class CommandFailed(Exception):
    """A failure that the command names; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Output:
    """Prints the result of a command."""

    stream: TextIO
    as_json: bool

    def result(self, value: Mapping[str, Any], *lines: str) -> None:
        """Print a result: `value` as JSON, or the lines for people."""
        text = json.dumps(value, ensure_ascii=False) if self.as_json else "\n".join(lines)
        self._write(f"{text}\n")

    def table(self, name: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
        """Print rows: under `name` as JSON, or as columns for people."""
        if self.as_json:
            self.result({name: list(rows)})
            return
        cells = [[_cell(row.get(column)) for column in columns] for row in rows]
        widths = [
            max(len(column), *(len(row[n]) for row in cells)) if cells else len(column)
            for n, column in enumerate(columns)
        ]
        for row in [[column.upper() for column in columns], *cells]:
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self._write(line.rstrip() + "\n")

    def text(self, text: str) -> None:
        """Print a document as it is, with `--json` or without."""
        self._write(text)

    def lines(self, text: str) -> None:
        """Print text that is made of lines, the same for people and programs."""
        self._write(text)

    def note(self, text: str) -> None:
        """Print a line for people alone."""
        if not self.as_json:
            self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        """Write, escaping what the stream has no characters for, as in the locale C."""
        encoding = self.stream.encoding or "utf-8"
        self.stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def add_shared(parser: argparse.ArgumentParser) -> None:
    """Give a command the flags that all of them have."""
    parser.add_argument("--data", metavar="DIR", help="the data folder (./data)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
