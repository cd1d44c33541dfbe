"""Apache Kafka on this machine: one KRaft node with all its files in one folder, in which it runs.

Its configuration names files by their names alone: a list there is split at commas, and its text is Latin-1.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from penstock.console.broker.java import JAVA_ENVIRONMENT
from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home
from penstock.console.process_plan import KAFKA_SCHEME, ProcessPlan

HEAP = ("-Xms64m", "-Xmx512m", "-XX:+UseSerialGC")
"""A small heap that grows with what is asked for; at this size the simple collector costs the least."""
QUICK_START = ("-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
RECOVERY_LIMIT_S = 300.0
"""After a kill, the node recovers its logs before it answers."""


@dataclass(frozen=True)
class Broker:
    """One Kafka node: the Java and the archives that run it, the folder of its files, and its ports."""

    java: Path
    class_path: tuple[Path, ...]
    home: Home
    port: int
    controller_port: int

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"127.0.0.1:{self.port}"

    def plan(self) -> ProcessPlan:
        """How the node runs, after `set_up`."""
        address = f"{KAFKA_SCHEME}{self.bootstrap}"
        return ProcessPlan(
            name="broker",
            command=tuple(self._java("kafka.Kafka", self._properties.name, options=HEAP)),
            environment=JAVA_ENVIRONMENT,
            folder=self.home.kafka,
            port=self.port,
            url=self.bootstrap,
            ready=address,
            health=address,
            first=True,
            start_limit_s=RECOVERY_LIMIT_S,
        )

    def set_up(self) -> None:
        """Write the configuration and, the first time, format the storage.

        Raises:
            ConsoleFailure: the storage could not be formatted.
        """
        self._properties.write_text(self._configuration(self._storage))
        (self.home.kafka / "log4j2.properties").write_text(_packaged("log4j2.properties"))
        if not self._storage.exists():
            self._format()

    @property
    def cluster_id(self) -> str:
        """The id of the cluster, once it is set up."""
        lines = (self._storage / "meta.properties").read_text().splitlines()
        return next(line.removeprefix("cluster.id=") for line in lines if line.startswith("cluster.id="))

    @property
    def _storage(self) -> Path:
        return self.home.kafka / "storage"

    @property
    def _properties(self) -> Path:
        return self.home.kafka / "server.properties"

    def _format(self) -> None:
        """Format another folder and rename it, so that a kill leaves no half-formatted storage."""
        formatting = self.home.kafka / "formatting"
        shutil.rmtree(formatting, ignore_errors=True)
        properties = self.home.kafka / "formatting.properties"
        properties.write_text(self._configuration(formatting))
        tool = (
            "kafka.tools.StorageTool",
            "format",
            "--standalone",
            f"--cluster-id={_cluster_id()}",
            "-c",
            properties.name,
        )
        result = subprocess.run(
            self._java(*tool, options=QUICK_START),
            cwd=self.home.kafka,
            env={**os.environ, **JAVA_ENVIRONMENT},
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            self.home.log_file("broker").write_text(result.stdout + result.stderr)
            raise ConsoleFailure(f"The broker's storage was not formatted; see {self.home.log_file('broker')}.")
        formatting.rename(self._storage)
        properties.unlink()

    def _java(self, *program: str, options: Sequence[str]) -> list[str]:
        return [
            str(self.java),
            *options,
            "-XX:-UsePerfData",
            "-Djava.awt.headless=true",
            f"-Djava.io.tmpdir={self.home.temporary}",
            "-Dlog4j2.configurationFile=log4j2.properties",
            "-cp",
            os.pathsep.join(map(str, self.class_path)),
            *program,
        ]

    def _configuration(self, storage: Path) -> str:
        controller = f"127.0.0.1:{self.controller_port}"
        return _packaged("server.properties") + (
            f"\nlisteners=PLAINTEXT://{self.bootstrap},CONTROLLER://{controller}\n"
            f"advertised.listeners=PLAINTEXT://{self.bootstrap},CONTROLLER://{controller}\n"
            f"controller.quorum.bootstrap.servers={controller}\n"
            f"log.dirs={storage.name}\n"
        )


def _cluster_id() -> str:
    return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def _packaged(name: str) -> str:
    return (files("penstock.console") / "local" / name).read_text()
