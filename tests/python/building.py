"""Distributions and upload forms as tests make them: small and whole, or wrong on purpose."""

import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping

BOUNDARY = "0123456789abcdef"
FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
_TIME = (2026, 1, 1, 0, 0, 0)


def metadata(name: str = "foo", version: str = "1.0", more: str = "") -> bytes:
    """The METADATA or PKG-INFO of a release; `more` are further lines."""
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}".encode()


def wheel(
    name: str = "foo",
    version: str = "1.0",
    more: str = "",
    *,
    tag: str = "py3-none-any",
    files: Mapping[str, bytes] | None = None,
    core: bytes | None = None,
) -> bytes:
    """A wheel, with files besides its own."""
    folder = f"{name.replace('-', '_')}-{version}.dist-info"
    about = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    contents = {
        **(files or {f"{name.replace('-', '_')}.py": b"answer = 42\n"}),
        f"{folder}/METADATA": metadata(name, version, more) if core is None else core,
        f"{folder}/WHEEL": about,
        f"{folder}/RECORD": b"",
    }
    return zipped(contents)


def zipped(contents: Mapping[str, bytes]) -> bytes:
    """A zip of files."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in contents.items():
            archive.writestr(zipfile.ZipInfo(path, _TIME), content, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def sdist(name: str = "foo", version: str = "1.0", more: str = "", text: bytes = b"") -> bytes:
    """An sdist as a gzipped tar."""
    data = io.BytesIO()
    top = f"{name.replace('-', '_')}-{version}"
    with tarfile.open(fileobj=data, mode="w") as archive:
        for path, content in (
            (f"{top}/pyproject.toml", b"[project]\n" + text),
            (f"{top}/PKG-INFO", metadata(name, version, more)),
        ):
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(data.getvalue(), mtime=0)


def zip_sdist(name: str = "foo", version: str = "1.0", more: str = "") -> bytes:
    """An sdist as a zip."""
    top = f"{name.replace('-', '_')}-{version}"
    return zipped({f"{top}/setup.py": b"", f"{top}/PKG-INFO": metadata(name, version, more)})


def fields(
    filename: str, content: bytes, name: str = "foo", version: str = "1.0"
) -> dict[str, str]:
    """What a client says of a file, by the form's names."""
    is_wheel = filename.endswith(".whl")
    return {
        ":action": "file_upload",
        "protocol_version": "1",
        "filetype": "bdist_wheel" if is_wheel else "sdist",
        "pyversion": "py3" if is_wheel else "source",
        "metadata_version": "2.1",
        "name": name,
        "version": version,
        "md5_digest": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha256_digest": hashlib.sha256(content).hexdigest(),
        "blake2_256_digest": hashlib.blake2b(content, digest_size=32).hexdigest(),
    }


def form(
    filename: str,
    content: bytes,
    said: Mapping[str, str] | None = None,
    *,
    first: bool = False,
    more: Iterable[tuple[str, str]] = (),
    signature: bytes | None = None,
) -> bytes:
    """An upload form. `said` are its fields; the file comes `first` or last, in front of it or
    behind it `more`."""
    texts = [*(fields(filename, content) if said is None else said).items(), *more]
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value.encode()
        for name, value in texts
    ]
    if signature is not None:
        parts.append(
            b'Content-Disposition: form-data; name="gpg_signature"; filename="'
            + f"{filename}.asc".encode()
            + b'"\r\n\r\n'
            + signature
        )
    file = (
        f'Content-Disposition: form-data; name="content"; filename="{filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode() + content
    parts = [file, *parts] if first else [*parts, file]
    edge = f"--{BOUNDARY}".encode()
    return b"".join(edge + b"\r\n" + part + b"\r\n" for part in parts) + edge + b"--\r\n"
