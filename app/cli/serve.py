"""`strongroom serve`: prepares the stores, shows the first sign-in, and serves until SIGTERM."""

import argparse
import errno
import socket
from collections.abc import Mapping

from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.compose import compose
from app.first_start import address, prepare, sign_in_text
from app.installation import existing
from app.privacy.reapplying import reapply_at_start
from app.server.run import serve
from app.server.tls import server_context
from app.settings import Settings, read_settings
from auth.first_sign_in import FirstSignIn


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "serve",
        help="serve until SIGTERM",
        description="Serve until SIGTERM, which finishes transfers first. The first start on the"
        " embedded store makes an administrator and shows how to sign in.",
    )
    parser.add_argument("--bind", metavar="HOST:PORT", help="where to serve (127.0.0.1:8080)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (2)")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of a process (32)")
    add_shared(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    """Serve."""
    flags = {name: getattr(options, name) for name in ("bind", "data", "workers", "threads")}
    settings = read_settings(environment, flags)
    _check_address(settings.bind)
    if settings.status_bind is not None:
        _check_address(settings.status_bind)
    _check_certificate(settings)
    _welcome(settings, output)
    with existing(settings) as at:
        reapply_at_start(at)
    return serve(settings, lambda: compose(settings))


def _check_certificate(settings: Settings) -> None:
    """Fail before anything is made where certificate and key can't be used."""
    if settings.tls_cert is None or settings.tls_key is None:
        return
    try:
        server_context(settings.tls_cert, settings.tls_key)
    except OSError as error:  # ssl.SSLError is one
        raise CommandFailed(
            f"STRONGROOM_TLS_CERT ({settings.tls_cert}) and STRONGROOM_TLS_KEY"
            f" ({settings.tls_key}) can't be used: {error.strerror or error}"
        ) from error


def _check_address(address: str) -> None:
    """Fail before anything is made where the address is taken."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CommandFailed(
                    f"{address} is in use: stop what serves there, or choose another address"
                ) from error
            raise CommandFailed(f"cannot serve on {address}: {error}") from error


def _welcome(settings: Settings, output: Output) -> None:
    prepared = prepare(settings)
    file = FirstSignIn(settings.data)
    if prepared.made is not None and output.stream.isatty():
        output.stream.write(f"\n{sign_in_text(settings, prepared.made)}\n")
        output.stream.flush()
        file.remove()
    elif file.path.exists():
        output.stream.write(f"How to sign in first is in {file.path}; it goes away after that.\n")
    elif not prepared.administered:
        output.stream.write(
            "There is no administrator yet: set STRONGROOM_ADMIN_EMAIL and"
            " STRONGROOM_ADMIN_PASSWORD, or run `strongroom user create EMAIL --role admin`.\n"
        )
    if output.stream.isatty():
        place = address(settings)
        output.stream.write(f"Serving on {place}, the data in {settings.data}; Ctrl-C stops.\n\n")
    output.stream.flush()
