"""Python projects that the tests make: what is built and published, and what depends on it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.clients.server import Repository
from tests.python.building import sdist, wheel

#: Build backends, each with the module that builders call.
BACKENDS = {
    "setuptools": "setuptools.build_meta",
    "hatchling": "hatchling.build",
    "flit-core": "flit_core.buildapi",
    "poetry-core": "poetry.core.masonry.api",
    "pdm-backend": "pdm.backend",
}


@dataclass(frozen=True, slots=True)
class Project:
    """A release of a project in pure Python: a package with a `TEXT` in it.

    Attributes:
        name: Letters, digits and hyphens.
        extras: The requirements of each.
    """

    name: str
    version: str = "1.0"
    backend: str = "setuptools"
    dependencies: Sequence[str] = ()
    extras: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def package(self) -> str:
        """What is imported, and what the names of its files begin with."""
        return self.name.replace("-", "_").lower()

    @property
    def wheel(self) -> str:
        return f"{self.package}-{self.version}-py3-none-any.whl"

    @property
    def sdist(self) -> str:
        return f"{self.package}-{self.version}.tar.gz"

    def write(self, folder: Path) -> Path:
        """Write its sources into a new folder, which is returned."""
        package = folder / "src" / self.package
        package.mkdir(parents=True)
        (package / "__init__.py").write_text('"""A sample."""\n\nTEXT = "hello"\n')
        (folder / "README.md").write_text(f"# {self.name}\n\nA sample: größer als nötig.\n")
        (folder / "pyproject.toml").write_text(self._settings())
        return folder

    def write_built(self, folder: Path) -> Path:
        """The same, with a wheel and an sdist in `dist` that no backend had to make."""
        self.write(folder)
        (folder / "dist").mkdir()
        (folder / "dist" / self.wheel).write_bytes(wheel(self.name, self.version))
        (folder / "dist" / self.sdist).write_bytes(sdist(self.name, self.version))
        return folder

    def _settings(self) -> str:
        extras = "".join(f"{name} = {list(wanted)}\n" for name, wanted in self.extras.items())
        return f"""\
[build-system]
requires = ["{self.backend}"]
build-backend = "{BACKENDS[self.backend]}"

[project]
name = "{self.name}"
version = "{self.version}"
description = "A sample"
readme = "README.md"
requires-python = ">=3.11"
keywords = ["sample", "small"]
authors = [{{ name = "Ann Example", email = "ann@example.org" }}]
classifiers = ["Programming Language :: Python :: 3", "Topic :: Utilities"]
dependencies = {list(self.dependencies)}

[project.urls]
Home = "https://sample.example/"

[project.optional-dependencies]
{extras}
[tool.flit.module]
name = "{self.package}"
"""


@dataclass(frozen=True, slots=True)
class Release:
    """A wheel that is there already, for who resolves; `about` are lines of its metadata."""

    name: str
    version: str = "1.0"
    about: Sequence[str] = ()

    @property
    def installed(self) -> str:
        """As `installed` tells it."""
        return f"{self.name.replace('-', '_')}-{self.version}"

    @property
    def path(self) -> str:
        return f"files/{self.name}/{self.installed}-py3-none-any.whl"

    @property
    def data(self) -> bytes:
        return wheel(self.name, self.version, "".join(f"{line}\n" for line in self.about))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def pinned(self) -> str:
        """As a line of a file of requirements."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}\n"

    def publish(self, repository: Repository) -> None:
        repository.put(self.path, self.data)


def write_consumer(folder: Path, index: str, requirements: Sequence[str]) -> Path:
    """Write a project that is never built into a new folder, which is returned: it depends on
    the requirements, and uv, Poetry and PDM look for them in `index` alone."""
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(f"""\
[project]
name = "consumer"
version = "1"
requires-python = ">=3.11,<4"
dependencies = {list(requirements)}

[[tool.uv.index]]
name = "here"
url = "{index}"
default = true

[tool.poetry]
package-mode = false

[[tool.poetry.source]]
name = "here"
url = "{index}"
priority = "primary"

[[tool.pdm.source]]
name = "pypi"
url = "{index}"
""")
    return folder


def installed(folder: Path) -> set[str]:
    """The names and versions, as `name-1.0`, of what was installed somewhere in a folder: pip,
    which comes with an environment, aside."""
    found = {path.name.removesuffix(".dist-info") for path in folder.rglob("*.dist-info")}
    return {name for name in found if not name.startswith("pip-")}


def furnished(repository: Repository, *releases: Release) -> Repository:
    """The repository, with these in it."""
    for release in releases:
        release.publish(repository)
    return repository
