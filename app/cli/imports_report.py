"""What `strongroom import` tells of what it did."""

import argparse
import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from app.cli.output import CommandFailed, Output
from app.importing import Counts, Import, Outcome, Tally
from app.importing.report import Refusal
from app.usage.sizes import in_words

SHOWN = 20  # refused files, to people; the others are in --json and --report


@dataclass(slots=True)
class Refusals:
    """Where refused files go: all into a file, where there is one, and so many into memory."""

    file: TextIO | None
    most: int | None
    kept: list[Refusal] = field(default_factory=list)

    def take(self, refusal: Refusal) -> None:
        if self.most is None or len(self.kept) < self.most:
            self.kept.append(refusal)
        if self.file is not None:
            try:
                self.file.write(json.dumps(_refusal_json(refusal), ensure_ascii=False) + "\n")
            except OSError as error:
                raise _unwritable(self.file.name, error) from error


@contextlib.contextmanager
def refusals_to(report: str | None, output: Output) -> Iterator[Refusals]:
    """Where refused files go. Raises CommandFailed where the file can't be written."""
    most = None if output.as_json else SHOWN
    if report is None:
        yield Refusals(None, most)
        return
    # By line: what is known is there, also of an import that is killed.
    try:
        file = Path(report).open("w", encoding="utf-8", buffering=1)  # noqa: SIM115, closed below
    except OSError as error:
        raise _unwritable(report, error) from error
    try:
        yield Refusals(file, most)
    finally:
        try:
            file.close()
        except OSError as error:
            raise _unwritable(report, error) from error


def tell(
    options: argparse.Namespace,
    origin: Mapping[str, str],
    output: Output,
    done: Import,
    tally: Tally,
    refusals: Refusals,
) -> None:
    """The report; `origin` names where the files came from."""
    counts = tally.counts
    value: dict[str, Any] = {
        "repository": options.repository,
        **origin,
        "dry_run": options.dry_run,
        "stopped": done.stopped,
        **{outcome.value: _counts_json(counts[outcome]) for outcome in Outcome},
        "refusals": [_refusal_json(refusal) for refusal in refusals.kept],
    }
    output.result(value, *_lines(options, done, counts, refusals))


def _lines(
    options: argparse.Namespace,
    done: Import,
    counts: Mapping[Outcome, Counts],
    refusals: Refusals,
) -> Iterator[str]:
    """The same for people."""
    words = {
        Outcome.IMPORTED: "would be imported" if options.dry_run else "imported",
        Outcome.THERE: "there already",
        Outcome.LEFT_OUT: "left out",
        Outcome.CHECKSUM: "checksum files, compared",
        Outcome.REFUSED: "refused",
    }
    width = max(map(len, words.values()))
    for outcome, word in words.items():
        one = counts[outcome]
        files = "file " if one.files == 1 else "files"
        yield f"{word:<{width}}  {one.files:>9,} {files}  {_size(one)}"
    for refusal in refusals.kept:
        yield f"{refusal.path}: {refusal.reason}"
    if more := counts[Outcome.REFUSED].files - len(refusals.kept):
        where = f"are in {options.report}" if options.report else "are named by --report FILE"
        yield f"{more:,} more were refused, which {where}"
    if done.stopped is not None:
        yield f"stopped: {done.stopped}{'; run it again to go on' if done.again else ''}"


def _size(counts: Counts) -> str:
    """The bytes of files, as far as they are known: of some nobody tells before they come."""
    if not counts.untold:
        return in_words(counts.bytes)
    if counts.untold == counts.files:
        return "size not told"
    return f"{in_words(counts.bytes)}, and {counts.untold:,} whose size is not told"


def _unwritable(file: str, error: OSError) -> CommandFailed:
    return CommandFailed(f"--report: {file} can't be written: {error.strerror}")


def _counts_json(counts: Counts) -> dict[str, int]:
    return {"files": counts.files, "bytes": counts.bytes}


def _refusal_json(refusal: Refusal) -> dict[str, str]:
    return {"path": refusal.path, "reason": refusal.reason}
