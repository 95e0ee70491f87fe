"""Start-up refuses where another distribution owns one of the four top-level names."""

from importlib.metadata import Distribution, PackagePath
from pathlib import Path

import pytest

from app.ownership import PACKAGES, NameTaken, package_locations, refuse_foreign_packages


class FakeDistribution(Distribution):
    """A distribution with a name, files and perhaps a list of its top-level names."""

    def __init__(self, name: str, files: list[str], top_level: str | None = None) -> None:
        self._texts = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n",
            "RECORD": "".join(f"{file},,\n" for file in files),
            "top_level.txt": top_level,
        }

    def read_text(self, filename: str) -> str | None:
        return self._texts.get(filename)

    def locate_file(self, path: object) -> Path:
        return Path("/nowhere") / str(path)

    @property
    def files(self) -> list[PackagePath]:
        return [PackagePath(line.split(",")[0]) for line in self._texts["RECORD"].splitlines()]


HERE = dict.fromkeys(PACKAGES, Path("/site"))


def test_this_environment_is_ours_alone() -> None:
    """What the lock installs takes none of the four names."""
    refuse_foreign_packages()


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize(
    "files",
    [["{name}/__init__.py"], ["{name}.py"], ["{name}/deep/module.py"], ["{name}.abi3.so"]],
    ids=["package", "module", "namespace", "extension"],
)
def test_a_foreign_distribution_with_our_name_is_named(name: str, files: list[str]) -> None:
    foreign = FakeDistribution("Some.Thing", [file.format(name=name) for file in files])
    with pytest.raises(NameTaken, match=rf"Some\.Thing 1\.5 .* {name},"):
        refuse_foreign_packages([foreign], HERE)


def test_a_claim_in_top_level_alone_is_refused() -> None:
    """An editable installation's RECORD names none of its packages."""
    foreign = FakeDistribution("thing", ["__editable__.thing.pth"], "other\nstorage\n")
    with pytest.raises(NameTaken, match="storage"):
        refuse_foreign_packages([foreign], HERE)


def test_names_that_only_resemble_ours_are_no_claim() -> None:
    harmless = FakeDistribution(
        "thing",
        ["thing/app/__init__.py", "application.py", "app-1.0.dist-info/METADATA", "../bin/auth"],
        "thing",
    )
    refuse_foreign_packages([harmless], HERE)


def test_strongroom_itself_may_own_them_twice() -> None:
    """In a checkout, the tree's egg-info and the installation both claim the names."""
    ours = [FakeDistribution(name, ["app/__init__.py"]) for name in ("strongroom", "Strongroom")]
    refuse_foreign_packages(ours, HERE)


def test_a_package_from_another_place_is_refused() -> None:
    """A folder `storage` earlier on the search path has no distribution, and shadows ours."""
    with pytest.raises(NameTaken, match="storage would be imported from /elsewhere"):
        refuse_foreign_packages([], HERE | {"storage": Path("/elsewhere")})


def test_a_missing_package_is_refused() -> None:
    with pytest.raises(NameTaken, match="auth can't be found"):
        refuse_foreign_packages([], HERE | {"auth": None})


def test_the_packages_are_found_where_they_are() -> None:
    root = Path(__file__).resolve().parents[2]
    assert package_locations() == dict.fromkeys(PACKAGES, root)
