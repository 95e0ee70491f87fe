"""Passwords that a command is given on a terminal or by standard input, or else makes."""

import argparse
import getpass
import secrets
import sys

from app.cli.output import CommandFailed

_PASSWORD_BYTES = 18  # 24 characters


def add_password(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from standard input; else it is asked for on a terminal, or made",
    )


def read_password(options: argparse.Namespace) -> tuple[str, bool]:
    """A password, and whether it was made here and has to be shown."""
    if options.password_stdin:
        return sys.stdin.readline().rstrip("\r\n"), False
    if sys.stdin.isatty():
        first = getpass.getpass("Password (empty: make one): ")
        if first:
            if getpass.getpass("Again: ") != first:
                raise CommandFailed("the two passwords differ")
            return first, False
    return secrets.token_urlsafe(_PASSWORD_BYTES), True
