"""Gradle publishes and resolves.

It is Debian's, an old one, in which publishing in Maven's way is broken: it publishes a
descriptor of Ivy's, in the same layout, and a POM as one file more.
"""

from pathlib import Path

from tests.clients.artifacts import Artifact, jar
from tests.clients.commands import java_options, succeed
from tests.clients.server import USER, Repository, Server
from tests.clients.stores import over_both_stores
from tests.parts import tool

LIB = Artifact("lib", "1.0")
MADE = Artifact("made", "2.0")

_PUBLISHER = """\
apply plugin: 'base'
apply plugin: 'ivy-publish'
group = '{artifact.group}'
version = '{artifact.version}'
task pack(type: Jar) {{ from 'files' }}
publishing {{
  publications {{
    made(IvyPublication) {{
      artifact(pack)
      artifact('made.pom') {{ type = 'pom' }}
    }}
  }}
  repositories {{
    ivy {{
      {place}
      layout 'pattern', {{
        m2compatible = true
        artifact '[organisation]/[module]/[revision]/[artifact]-[revision].[ext]'
        ivy '[organisation]/[module]/[revision]/ivy-[revision].xml'
      }}
    }}
  }}
}}
"""
_CONSUMER = """\
configurations {{ wanted }}
repositories {{ maven {{ {place} }} }}
dependencies {{ wanted '{artifact.group}:{artifact.name}:2.+' }}
task fetch(type: Copy) {{
  from configurations.wanted
  into 'fetched'
}}
"""


def gradle(home: Path, project: Path, script: str, *words: str) -> None:
    """Run a build of its own, in a new folder or one with what it needs."""
    project.mkdir(exist_ok=True)
    (project / "build.gradle").write_text(script)
    (project / "settings.gradle").write_text(f"rootProject.name = '{project.name}'\n")
    command: list[str | Path] = [tool("gradle"), "--no-daemon"]
    command += ["--gradle-user-home", home / "gradle", *words]
    succeed(command, home, project, {"GRADLE_OPTS": java_options(home)})


@over_both_stores
def test_what_one_build_publishes_another_one_resolves(
    server: Server, releases: Repository, tmp_path: Path
) -> None:
    """With what Maven published and it depends on; by a prefix of its version."""
    place = (
        f"url '{releases.url}'\n"
        f"credentials {{ username '{USER}'; password '{server.key}' }}"
    )  # fmt: skip
    lib = jar({"lib.txt": "of Maven"})
    LIB.publish(releases, lib)
    publisher, consumer = tmp_path / MADE.name, tmp_path / "consumer"
    (publisher / "files").mkdir(parents=True)
    (publisher / "files" / "made.txt").write_text("of Gradle")
    (publisher / "made.pom").write_text(MADE.pom(dependencies=[LIB.elements]))
    gradle(tmp_path, publisher, _PUBLISHER.format(artifact=MADE, place=place), "publish")
    gradle(tmp_path, consumer, _CONSUMER.format(artifact=MADE, place=place), "fetch")
    made = publisher / "build" / "libs" / "made-2.0.jar"
    fetched = {path.name: path.read_bytes() for path in (consumer / "fetched").iterdir()}
    assert fetched == {"made-2.0.jar": made.read_bytes(), "lib-1.0.jar": lib}
    assert b'module="made"' in releases.get(f"{MADE.folder}/2.0/ivy-2.0.xml")
