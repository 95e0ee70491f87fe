"""The command `strongroom`: exits 0 on success, 1 on a failure it names, 2 on wrong usage."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import TextIO

from app.cli import (
    audit,
    gc,
    group,
    imports,
    incident,
    key,
    org,
    privacy,
    retention,
    scim_token,
    serve,
    subscriber,
    subscriber_group,
    usage,
    user,
    worker,
)
from app.cli.output import CommandFailed, Output
from app.errors import told
from app.ownership import NameTaken, refuse_foreign_packages
from app.settings import SettingsError

_COMMANDS = (
    serve,
    worker,
    org,
    user,
    group,
    key,
    scim_token,
    subscriber,
    subscriber_group,
    imports,
    retention,
    usage,
    audit,
    gc,
    privacy,
    incident,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command by its arguments and return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    output = Output(sys.stdout, as_json=getattr(options, "json", False))
    try:
        refuse_foreign_packages()
        status: int = options.run(options, os.environ, output)
    except (SettingsError, NameTaken, CommandFailed) as error:
        return _fail(str(error), output.as_json, sys.stderr)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return _fail(f"{error.strerror or error}{where}", output.as_json, sys.stderr)
    except Exception as error:
        text = told(error)
        if text is None:
            raise
        return _fail(text, output.as_json, sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="strongroom",
        description="A self-hosted repository for build artifacts.",
        epilog="Settings come from STRONGROOM_* variables; README.md lists them.",
    )
    parser.add_argument(
        "--version", action="version", version=f"strongroom {version('strongroom')}"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add(commands)
    return parser


def _fail(text: str, as_json: bool, stream: TextIO) -> int:
    if as_json:
        stream.write(json.dumps({"error": text}) + "\n")
    else:
        stream.write(f"strongroom: {text}\n")
    return 1
