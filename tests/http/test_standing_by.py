"""What the server is told of requests that hold a thread, and no processor."""

import base64
import threading
import time
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

from app.compose import compose, run_folder
from app.first_start import prepare
from app.settings import read_settings
from auth.slow_hashes import SlowHashes

LONG = 60.0


def test_who_waits_for_a_slow_hash_stands_by(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "STRONGROOM_DATA": str(tmp_path / "data"),
            "STRONGROOM_ADMIN_EMAIL": "admin@example.org",
            "STRONGROOM_ADMIN_PASSWORD": "plum harbour seven kites",
        }
    )
    prepare(settings)
    service = compose(settings)
    statuses: list[str] = []

    def guess() -> None:
        sent = base64.b64encode(b"admin@example.org:not the password").decode()
        environ: dict[str, Any] = {
            "RAW_URI": "/repositories/files/x",
            "PATH_INFO": "/repositories/files/x",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_AUTHORIZATION": f"Basic {sent}",
        }
        setup_testing_defaults(environ)
        for _ in service(environ, lambda status, *_: statuses.append(status)):
            pass

    thread = threading.Thread(target=guess)
    try:
        assert service.standing_by == 0
        with SlowHashes(run_folder(settings)).slot():  # as another process would
            thread.start()
            end = time.monotonic() + LONG
            while not service.standing_by:
                assert time.monotonic() < end, statuses
                time.sleep(0.001)
        thread.join(LONG)
        assert statuses == ["401 Unauthorized"]
        assert service.standing_by == 0
    finally:
        thread.join(LONG)
        service.close()
