"""Apache Ivy publishes and resolves, in Maven's layout."""

from pathlib import Path

import pytest

from tests.clients.artifacts import Artifact, jar
from tests.clients.commands import java_options, succeed
from tests.clients.server import USER, Repository, Server
from tests.clients.stores import over_both_stores
from tests.parts import part, tool

LIB = Artifact("lib", "1.0")
CLIMBED = Artifact("climbed", "1.0")

_SETTINGS = """\
<ivysettings>
<settings defaultResolver="strongroom"/>
<credentials host="127.0.0.1" realm="Strongroom" username="{user}" passwd="{key}"/>
<resolvers>
<ibiblio name="strongroom" m2compatible="true" root="{url}"/>
<url name="publishing" m2compatible="true">
<ivy pattern="{url}[organisation]/[module]/[revision]/ivy-[revision].xml"/>
<artifact pattern="{url}[organisation]/[module]/[revision]/[artifact]-[revision].[ext]"/>
</url>
</resolvers>
</ivysettings>
"""
_MODULE = f"""\
<ivy-module version="2.0">
<info organisation="{CLIMBED.group}" module="{CLIMBED.name}" revision="{CLIMBED.version}"/>
<configurations><conf name="default"/></configurations>
<publications>
<artifact name="{CLIMBED.name}" type="jar" ext="jar"/>
<artifact name="{CLIMBED.name}" type="pom" ext="pom"/>
</publications>
<dependencies>
<dependency org="{LIB.group}" name="{LIB.name}" rev="[1.0,2.0[" conf="default->default"/>
</dependencies>
</ivy-module>
"""


@pytest.fixture
def workplace(server: Server, releases: Repository, tmp_path: Path) -> Path:
    """Where Ivy is run: with its settings, and the descriptor of a module."""
    settings = _SETTINGS.format(url=releases.url, user=USER, key=server.key)
    (tmp_path / "settings.xml").write_text(settings)
    (tmp_path / "ivy.xml").write_text(_MODULE)
    return tmp_path


def ivy(folder: Path, *words: str, cache: str = "publisher") -> None:
    """Run it with a cache of that name."""
    command: list[str | Path] = [tool("java"), *java_options(folder).split()]
    command += ["-jar", part("ivy", "ivy.jar"), "-settings", "settings.xml", "-cache", cache]
    succeed([*command, *words], folder, folder)


@over_both_stores
def test_what_one_module_publishes_another_one_resolves(
    releases: Repository, workplace: Path
) -> None:
    """With what it depends on, by a range of versions."""
    lib, climbed = jar({"lib.txt": "of Maven"}), jar({"climbed.txt": "of Ivy"})
    LIB.publish(releases, lib)
    (workplace / "climbed.jar").write_bytes(climbed)
    ivy(workplace, "-ivy", "ivy.xml", "-makepom", "climbed.pom")
    # It asks first whether a file is there, a checksum too, and the server's is by then.
    publish = ("-publish", "publishing", "-overwrite", "-revision", "1.0", "-status", "release")
    ivy(workplace, "-ivy", "ivy.xml", *publish, "-publishpattern", "[artifact].[ext]")
    assert b'module="climbed"' in releases.get(f"{CLIMBED.folder}/1.0/ivy-1.0.xml")
    wanted = ("-dependency", CLIMBED.group, CLIMBED.name, CLIMBED.version)
    ivy(workplace, *wanted, "-retrieve", "got/[artifact]-[revision].[ext]", cache="consumer")
    got = {path.name: path.read_bytes() for path in (workplace / "got").iterdir()}
    assert got["climbed-1.0.jar"] == climbed
