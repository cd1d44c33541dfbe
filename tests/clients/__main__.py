"""`python -m tests.clients`: clients of others, from their own packages, get right answers from a real deployment."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import httpx

from penstock.console.broker.jar_pins import read_pins
from penstock.console.broker.jars import obtain_jars
from penstock.console.broker.java import find_java
from penstock.console.home import Home
from penstock.console.plan.plan_builder import StartOptions
from penstock.console.supervision.lifecycle import running
from tests.staging.debian_programs import LIBRARIES, DebianPackage, obtain_programs
from tests.staging.environments import ROOT, obtain_python
from tests.staging.http_server import serving
from tests.staging.ports import free_ports
from tests.staging.schema_registry_fake import RegistryFake
from tests.staging.stage import Stage
from tests.staging.traffic import send_labelled

ABOVE_USUAL = 8_000  # so that a deployment of somebody else on this machine has its ports for itself
FOLDER = ROOT / "tests/clients"
CHECKS = FOLDER / "checks"
STREAM = "clients"
KEYED_STREAM = "keyed"
SOURCE_STREAM = "sourced"
SOURCE_TOPIC = "shop.orders"
EVENTS = 700  # enough for a model to be trained
KCAT = (
    DebianPackage("kcat", "1.7.1-2", "c7634113d7db8e9ca840f7f865afd1d13b43014f2dcf591ed3b5744de80030d3"),
    DebianPackage("librdkafka1", "2.0.2-1", "d565b098c1eb5754a9266515e3c282b1d282400903070cbdc42d0f76a14fd9f7"),
    DebianPackage("libyajl2", "2.1.0-3+deb12u2", "b512a6efbe735e7c731185a1b3ea477ff306f0c3f6aa2970e85b12f01fe8063b"),
)


def main() -> int:
    """Stage a stream with a trained model, and run the checks in the clients' environment."""
    python = obtain_python("clients", FOLDER / "requirements.txt")
    with tempfile.TemporaryDirectory(prefix="penstock-clients-") as folder:
        home = Home(Path(folder))
        options = StartOptions(ports=free_ports(ABOVE_USUAL))
        with serving(RegistryFake().app) as registry, running(home, options) as deployment:
            asyncio.run(_seed(home, registry))
            environment = {
                **os.environ,
                **_producers(deployment.bootstrap),
                "SERVER": deployment.url("server"),
                "KAFKA": deployment.bootstrap,
                "STREAM": STREAM,
                "KEYED_STREAM": KEYED_STREAM,
                "SOURCE_STREAM": SOURCE_STREAM,
                "SOURCE_TOPIC": SOURCE_TOPIC,
                "REGISTRY": registry,
                "PROGRAMS": str(FOLDER / "programs"),
            }
            command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--confcutdir", str(CHECKS)]
            command += [
                "-o",
                "python_files=check_*.py",
                "-o",
                "asyncio_mode=auto",
                "-W",
                "ignore",
                "-c",
                "/dev/null",
                str(CHECKS),
            ]
            return subprocess.run([*command, str(CHECKS)], env=environment, check=False).returncode


def _producers(bootstrap: str) -> dict[str, str]:
    """The commands of producers that send lines of `key TAB value`, those that can be had here."""
    jars = ":".join(map(str, obtain_jars(read_pins("kafka"))))
    programs = obtain_programs(KCAT)
    kcat = f"env LD_LIBRARY_PATH={programs / LIBRARIES} {programs / 'usr/bin/kcat'}"
    topic = f"penstock.{KEYED_STREAM}.received"
    settings = "-X partitioner=murmur2_random -X acks=all"
    producers = {
        "PRODUCER_JAVA": f"{find_java(os.environ)} -cp {jars} Producer.java {bootstrap} {topic}",
        "PRODUCER_KCAT": f"{kcat} -P -b {bootstrap} -t {topic} -K '\\t' {settings}",
    }
    if (go := shutil.which("go")) is not None:
        producers["PRODUCER_GO"] = f"{go} run -C go . {bootstrap} {topic}"
    print("producers:", ", ".join(name.removeprefix("PRODUCER_").lower() for name in producers))  # noqa: T201
    return producers


async def _seed(home: Home, registry: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        stage = Stage(home, client)
        await stage.declare(STREAM)
        fields = {"customer": {"type": "category", "feature": False}, "x": {"type": "number"}}
        await stage.declare(KEYED_STREAM, entity="customer", fields=fields, partitions=3)
        source = {"kafka": SOURCE_TOPIC, "id": "id", "fields": {"x": "order.total"}, "schema_registry": registry}
        await stage.declare(SOURCE_STREAM, source={"shop": source})
        await send_labelled(stage, STREAM, 0, EVENTS)
        await stage.until_champion(STREAM, 1)


if __name__ == "__main__":
    raise SystemExit(main())
