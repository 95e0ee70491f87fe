"""nginx with Basic credentials: files out by sendfile, files in by PUT."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import Server, free_port, serving
from tests.parts import tool

USER, PASSWORD = "bench", "correct horse battery"
HEADERS = {
    "Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(),
}

_CONFIGURATION = """\
user root;
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    open_file_cache max=100;
    client_max_body_size 0;
    client_body_temp_path {files}/.uploads;
    client_body_buffer_size 1m;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        root {files};
        auth_basic "bench";
        auth_basic_user_file {folder}/passwords;
        location / {{
            dav_methods PUT DELETE;
            create_full_put_path on;
            autoindex on;
            autoindex_format json;
        }}
    }}
}}
"""


@contextmanager
def nginx(folder: Path, files: Path, workers: int = 2) -> Iterator[Server]:
    """Serve `files` with credentials; `folder` is nginx's own."""
    folder.mkdir(parents=True, exist_ok=True)
    files.mkdir(parents=True, exist_ok=True)
    # The cheapest form that nginx knows after plain text: its check costs it next to nothing.
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    (folder / "passwords").write_text(f"{USER}:{{SHA}}{digest}\n")
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(folder=folder, files=files, port=port, workers=workers)
    )
    command = [str(tool("nginx")), "-p", str(folder), "-c", str(configuration)]
    with serving(command, port, folder / "log") as server:
        yield server
