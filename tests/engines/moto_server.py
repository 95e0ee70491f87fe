"""moto's S3 and DynamoDB on a real socket: a free port of the loopback address.

Run as a module it is the server; it ends when its standard input does.
"""

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.engines.dynamodb_local import CREDENTIALS
from tests.engines.process import served
from tests.parts import ROOT


@contextmanager
def moto_server() -> Iterator[str]:
    """Run a server of its own and give its URL; each has its own buckets and tables."""
    environ = {
        **os.environ,
        **CREDENTIALS,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",  # its own
    }
    command = [sys.executable, "-m", "tests.engines.moto_server"]
    with served(command, environ, cwd=ROOT) as port:
        yield f"http://127.0.0.1:{port}"


def main() -> None:
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    class Handler(MotoRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept, as AWS keeps them

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"port {server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
