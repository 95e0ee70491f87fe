"""Content types by extension, and which of them a browser might run."""

#: What a build serves; anything else is bytes. A fixed table, so that every machine agrees.
_BY_EXTENSION = {
    "asc": "text/plain; charset=utf-8",
    "bz2": "application/x-bzip2",
    "cfg": "text/plain; charset=utf-8",
    "crate": "application/gzip",
    "css": "text/css; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "deb": "application/vnd.debian.binary-package",
    "gif": "image/gif",
    "gz": "application/gzip",
    "htm": "text/html; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "jar": "application/java-archive",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "log": "text/plain; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "md5": "text/plain; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "module": "application/json",
    "pdf": "application/pdf",
    "png": "image/png",
    "pom": "application/xml",
    "properties": "text/plain; charset=utf-8",
    "rpm": "application/x-rpm",
    "sha1": "text/plain; charset=utf-8",
    "sha256": "text/plain; charset=utf-8",
    "sha512": "text/plain; charset=utf-8",
    "sig": "application/pgp-signature",
    "svg": "image/svg+xml",
    "svgz": "image/svg+xml",
    "tar": "application/x-tar",
    "tgz": "application/gzip",
    "toml": "application/toml",
    "txt": "text/plain; charset=utf-8",
    "war": "application/java-archive",
    "wasm": "application/wasm",
    "webp": "image/webp",
    "whl": "application/zip",
    "xht": "application/xhtml+xml",
    "xhtml": "application/xhtml+xml",
    "xml": "application/xml",
    "xsl": "application/xml",
    "xz": "application/x-xz",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "zip": "application/zip",
    "zst": "application/zstd",
}
UNKNOWN = "application/octet-stream"

_INERT = ("text/plain", "image/png", "image/jpeg", "image/gif", "image/webp")


def content_type(name: str) -> str:
    """The type of a file by the last extension of its name."""
    return _BY_EXTENSION.get(name.rpartition(".")[2].lower(), UNKNOWN)


def opens_in_a_browser(type_: str) -> bool:
    """Whether a browser may show it in place; everything else is offered as a download."""
    return type_.startswith(_INERT)
