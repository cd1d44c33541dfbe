"""Write the pins of the Java archives that one-machine mode runs."""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Iterable
from pathlib import Path

from jgo.maven import Artifact, MavenContext

PINS = Path(__file__).parents[2] / "services/console/src/penstock/console/local"


def main() -> None:
    """Resolve the versions given and write both files of pins."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--zipkin", required=True)
    parser.add_argument("--slf4j-binding", required=True, help="the version of Kafka's own log4j")
    versions = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        maven = MavenContext(repo_cache=Path(folder))
        binding = maven.project("org.apache.logging.log4j", "log4j-slf4j-impl")
        zipkin = maven.project("io.zipkin", "zipkin-server").at_version(versions.zipkin)
        kafka = [*_kafka(maven, versions.kafka), binding.at_version(versions.slf4j_binding).artifact()]
        _write(PINS / "kafka.sha256", kafka)
        _write(PINS / "zipkin.sha256", [zipkin.artifact(classifier="exec")])


def _kafka(maven: MavenContext, version: str) -> list[Artifact]:
    """The broker and all that it needs when it runs."""
    broker = maven.create_dependency(f"org.apache.kafka:kafka_2.13:{version}")
    broker.scope = "compile"
    asked, needed = maven.resolver.resolve([broker])
    return [one.artifact for one in (*asked, *needed) if one.scope in {"compile", "runtime"}]


def _write(file: Path, artifacts: Iterable[Artifact]) -> None:
    lines = (f"{_digest(artifact)}  {_coordinate(artifact)}\n" for artifact in sorted(artifacts, key=_coordinate))
    file.write_text("".join(lines))


def _coordinate(artifact: Artifact) -> str:
    return ":".join(filter(None, (artifact.groupId, artifact.artifactId, artifact.version, artifact.classifier)))


def _digest(artifact: Artifact) -> str:
    return hashlib.sha256(artifact.resolve().read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
