"""A home as a release writes it, kept so that later versions prove that they upgrade it: `make home-fixture`.

The home holds one stream with events, labels, and a promoted model; `facts.json` beside it says what was served.
"""

from __future__ import annotations

import json
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

HOMES = Path(__file__).parent / "homes"
STREAM = "shipments"
DECLARATION = f"""
[stream]
name = "{STREAM}"
task = "binary"
entity = "carrier"
partitions = 2

[label]
name = "late"
classes = ["no", "yes"]
horizon = "P30D"

[fields]
carrier = {{ type = "category" }}
weight = {{ type = "number", min = 0 }}
distance = {{ type = "integer", min = 0 }}

[models]
families = ["linear", "boosting"]

[retrain]
first_after = 200
cooldown = 100000

[retention]
days = 36500             # the fixture is read long after it was written
"""
WRITTEN = 600  # rows in the home
PROBES = ({"carrier": "c1", "weight": 3.5, "distance": 900}, {"carrier": "c9", "weight": 40.0, "distance": 900})


class Deployment:
    """A deployment in a home, as a user has it: the `penstock` command, and the services over HTTP."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def penstock(self, *words: str) -> str:
        """Run a command; its output.

        Raises:
            RuntimeError: it failed.
        """
        command = [sys.executable, "-m", "penstock.console", *words]
        environment = {**os.environ, "PENSTOCK_HOME": str(self.home)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"penstock {' '.join(words)} exited with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def url(self, service: str) -> str:
        """Where a service listens."""
        record = json.loads((self.home / "run" / "deployment.json").read_text())
        return str(record["processes"][service]["url"])

    def send(self, rows: Iterator[dict[str, Any]]) -> None:
        """Send events and their labels, and wait until the stream is quiet."""
        batch = list(rows)
        self._post("events", [{"id": row["id"], "data": row["data"]} for row in batch])
        self._post("labels", [{"event_id": row["id"], "value": row["label"], "entity": row["entity"]} for row in batch])
        self.penstock("wait", STREAM)

    def _post(self, kind: str, records: list[dict[str, Any]]) -> None:
        answer = httpx.post(f"{self.url('ingestion')}/v1/streams/{STREAM}/{kind}", json=records, timeout=60)
        if answer.status_code != 202 or answer.json()["refused"]:
            raise RuntimeError(f"{kind} were refused: {answer.text}")

    def serving_epoch(self) -> int:
        """The epoch that serves now."""
        model = httpx.get(f"{self.url('server')}/v1/streams/{STREAM}/model", timeout=60)
        return int(model.json()["epoch"])

    def facts(self) -> dict[str, Any]:
        """What serves, and how it answers the probes; waits until the newest model is loaded."""
        self.penstock("wait", STREAM)
        model = httpx.get(f"{self.url('server')}/v1/streams/{STREAM}/model", timeout=60).json()
        answers = httpx.post(
            f"{self.url('server')}/v1/streams/{STREAM}/predict",
            json=[{"id": f"probe-{number}", "data": data} for number, data in enumerate(PROBES)],
            headers={"penstock-probe": "1"},
            timeout=60,
        ).json()
        return {
            "epoch": model["epoch"],
            "digest": model["model"]["digest"],
            "answers": [{"value": answer["value"], "probabilities": answer["probabilities"]} for answer in answers],
        }


def rows(first: int, end: int) -> Iterator[dict[str, Any]]:
    """Shipments by number; heavy ones that go far are late."""
    for number in range(first, end):
        weight, distance, carrier = float(number * 37 % 50), number * 53 % 1000, f"c{number % 10}"
        late = weight * distance > 12_000
        yield {
            "id": f"shipment-{number}",
            "entity": carrier,
            "data": {"carrier": carrier, "weight": weight, "distance": distance},
            "label": "yes" if late else "no",
        }


def write(version: str) -> Path:
    """Write the home of this version; the archive's path."""
    HOMES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(Path(folder) / "home")
        declaration = Path(folder) / "stream.toml"
        declaration.write_text(DECLARATION)
        try:
            deployment.penstock("up")
            deployment.penstock("stream", "apply", str(declaration))
            deployment.send(rows(0, WRITTEN // 2))
            deployment.send(rows(WRITTEN // 2, WRITTEN))
            facts = deployment.facts()
        finally:
            deployment.penstock("down")
        if facts["epoch"] == 0:
            raise RuntimeError("no model was promoted: the home would prove little")
        for name in ("run", "logs"):
            shutil.rmtree(deployment.home / name)
        (deployment.home / "facts.json").write_text(json.dumps(facts, indent=2))
        archive = HOMES / f"{version}.tar.xz"
        with lzma.open(archive, "wb", preset=9) as file, tarfile.open(fileobj=file, mode="w") as tar:
            tar.add(deployment.home, arcname=".", filter=_portable)
    return archive


def unpack(archive: Path, home: Path) -> dict[str, Any]:
    """Unpack a home; its facts."""
    with tarfile.open(archive) as tar:
        tar.extractall(home, filter="data")
    facts: dict[str, Any] = json.loads((home / "facts.json").read_text())
    return facts


def _portable(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Without owners, and without files that name this machine's folders, which every start writes anew."""
    if Path(entry.name).name in ("LOG", "server.properties", "log4j2.properties"):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    print(write((Path(__file__).parents[2] / "VERSION").read_text().strip()))  # noqa: T201
