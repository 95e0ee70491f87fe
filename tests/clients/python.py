"""Python's clients as a person has them: a release of each, one home, one repository.

Nothing of the caller's is used, and nothing but the tests' server is reached: every other
address goes to a proxy that is not there. Builds take their backends from the part's wheels.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.clients.commands import Ran, run
from tests.clients.projects import write_consumer
from tests.clients.server import USER
from tests.parts import part

#: Who publishes, and a backend that its users build with. `twine-6.1` is the last release that
#: takes `--skip-existing` for other repositories than PyPI, and knows metadata up to 2.4.
PUBLISHERS = {
    "twine": "setuptools",
    "twine-6.1": "setuptools",
    "uv": "hatchling",
    "poetry": "poetry-core",
    "pdm": "pdm-backend",
    "hatch": "hatchling",
    "flit": "flit-core",
}

#: Who installs: `uv` a project by its lock file, `uv-pip` as pip does.
INSTALLERS = ("pip", "uv-pip", "uv", "poetry", "pdm")

_NOWHERE = "http://127.0.0.1:9"
_BUILD = ("pyproject-build", "--installer", "uv")


@dataclass(frozen=True, slots=True)
class _Publisher:
    """How a client is told where to publish, and called.

    Attributes:
        variables: Those of the repository's URL, the user and the key.
        words: The command.
        takes_files: Whether it wants them named, or finds them in `dist`.
        build: The command that makes them there, and
        builder: the client that has it, if it is another one.
    """

    variables: tuple[str, str, str]
    words: tuple[str, ...]
    takes_files: bool
    build: tuple[str, ...]
    builder: str = ""


_TWINE = _Publisher(
    ("TWINE_REPOSITORY_URL", "TWINE_USERNAME", "TWINE_PASSWORD"),
    ("upload", "--non-interactive", "--disable-progress-bar"),
    True,
    _BUILD,
    "uv",
)
_PUBLISHERS = {
    "twine": _TWINE,
    "twine-6.1": _TWINE,
    "uv": _Publisher(
        ("UV_PUBLISH_URL", "UV_PUBLISH_USERNAME", "UV_PUBLISH_PASSWORD"),
        ("publish", "--trusted-publishing", "never"),
        True,
        ("uv", "build"),
    ),
    "poetry": _Publisher(
        (
            "POETRY_REPOSITORIES_HERE_URL",
            "POETRY_HTTP_BASIC_HERE_USERNAME",
            "POETRY_HTTP_BASIC_HERE_PASSWORD",
        ),
        ("publish", "--no-interaction", "--repository", "here"),
        False,
        ("poetry", "build"),
    ),
    "pdm": _Publisher(
        ("PDM_PUBLISH_REPO", "PDM_PUBLISH_USERNAME", "PDM_PUBLISH_PASSWORD"),
        ("publish", "--no-build"),
        False,
        ("pdm", "build"),
    ),
    "hatch": _Publisher(
        ("HATCH_INDEX_REPO", "HATCH_INDEX_USER", "HATCH_INDEX_AUTH"),
        ("publish", "--no-prompt"),
        False,
        ("hatch", "build"),
    ),
    "flit": _Publisher(
        ("FLIT_INDEX_URL", "FLIT_USERNAME", "FLIT_PASSWORD"),
        ("publish",),
        False,
        ("flit", "build"),
    ),
}


class Python:
    """The clients, with a home and caches of their own, which begin empty.

    Attributes:
        home: Where their settings and caches are,
        folder: and where that is, with room for projects.
        url: Of the repository, to which they publish.
        index: Of its simple index, with the credentials in it.
    """

    def __init__(self, folder: Path, url: str, key: str | None, user: str = USER) -> None:
        """`url` ends with a slash; without a key there are no credentials."""
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.folder = folder
        self.url = url
        self._credentials: tuple[str, ...] = () if key is None else (user, key)
        self.index = with_credentials(f"{url}simple/", *self._credentials)

    def netrc(self) -> None:
        """Have the credentials in `.netrc` from now on, for who is not given them."""
        user, key = self._credentials
        path = self.home / ".netrc"
        path.touch(mode=0o600)
        host = urlsplit(self.url).hostname
        path.write_text(f"machine {host}\nlogin {user}\npassword {key}\n")

    def build(self, client: str, project: Path) -> list[Path]:
        """Build a project's wheel and sdist as the users of a publisher do."""
        publisher = _PUBLISHERS[client]
        command, *words = publisher.build
        environ = _offline(self.home)
        ran = self._run(publisher.builder or client, command, *words, at=project, environ=environ)
        assert ran.status == 0, ran.out
        # uv hides the folder from Git by a file in it, over which PDM stumbles.
        (project / "dist" / ".gitignore").unlink(missing_ok=True)
        return _built(project)

    def publish(self, client: str, project: Path, *words: str | Path) -> Ran:
        """Publish what was built, with more words of the client's. flit builds once more."""
        publisher = _PUBLISHERS[client]
        given = zip(publisher.variables, (self.url, *self._credentials), strict=False)
        environ = {**dict(given), "FLIT_NO_NETWORK": "1"}
        files = _built(project) if publisher.takes_files else []
        return self.run(client, *publisher.words, *words, *files, at=project, environ=environ)

    def install(
        self,
        client: str,
        folder: Path,
        *requirements: str,
        index: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Ran:
        """Install from the repository into a new folder; see `projects.installed`.

        Args:
            client: One of `INSTALLERS`.
            folder: Of the project that depends on the requirements, or what pip installs to.
            requirements: With versions and extras as they are written in a project.
            index: Another than `self.index`.
            environ: More variables.
        """
        index = index or self.index
        write_consumer(folder, index, requirements)
        words: list[str | Path]
        match client:
            case "pip":
                words = ["install", "--target", "site", "--index-url", index, *requirements]
            case "uv-pip":
                words = ["pip", "install", "--target", "site", "--python", _python()]
                words += ["--default-index", index, *requirements]
            case "uv":
                words = ["sync", "--python", _python()]
            case "poetry":
                words = ["install", "--no-interaction"]
            case _:
                words = ["install", "--no-self"]
        return self.run(client.partition("-")[0], *words, at=folder, environ=environ)

    def run(
        self, client: str, *words: str | Path, at: Path, environ: Mapping[str, str] | None = None
    ) -> Ran:
        """Run a client with those words, in the folder `at`, to its end."""
        return self._run(client, client.partition("-")[0], *words, at=at, environ=environ or {})

    def _run(
        self, client: str, command: str, *words: str | Path, at: Path, environ: Mapping[str, str]
    ) -> Ran:
        executable = part("python", client, "bin", command)
        return run([executable, *words], self.home, at, {**_environ(self.home), **environ})


def with_credentials(url: str, user: str = "", key: str = "") -> str:
    """A URL with a user's name and key in it, if there are any."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(user, safe='')}:{quote(key, safe='')}@{rest}" if user else url


def _environ(home: Path) -> dict[str, str]:
    return {
        "COLUMNS": "1000",  # twine would break sentences
        "NO_COLOR": "1",
        "TERM": "dumb",
        "http_proxy": _NOWHERE,
        "https_proxy": _NOWHERE,
        "no_proxy": "127.0.0.1",
        "XDG_CONFIG_DIRS": str(home),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_TRUSTED_HOST": "127.0.0.1",  # else it keeps nothing that came in clear
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "POETRY_VIRTUALENVS_IN_PROJECT": "true",
        "PDM_CHECK_UPDATE": "0",
        "PDM_PYTHON": str(_python()),
        "PDM_USE_VENV": "0",  # into __pypackages__
    }


def _offline(home: Path) -> dict[str, str]:
    """For builds: backends are looked for in a folder alone."""
    wheels = part("python", "wheelhouse")
    settings = home / "pdm-builds.toml"  # PDM alone has no variable for that
    settings.write_text(
        f'[pypi]\nurl = "{wheels.as_uri()}"\n'
        f'[pypi.wheels]\nurl = "{wheels.as_uri()}"\ntype = "find_links"\n'
    )
    return {
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": str(wheels),
        "FLIT_NO_NETWORK": "1",
        "PDM_CONFIG_FILE": str(settings),
    }


def _python() -> Path:
    """For what is installed without an environment: it is not installed there."""
    return part("python", "pip", "bin", "python")


def _built(project: Path) -> list[Path]:
    """What is in a project's `dist`: the wheel and the sdist, and signatures beside them."""
    return sorted((project / "dist").iterdir())
