"""A deployment that incidents are staged in: its streams, its processes and its log."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import psutil
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition as KafkaPartition

from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.ports import RecordBatch
from penstock.console.deployment import Deployment, running_deployment
from penstock.console.home import Home

PENSTOCK = Path(sys.executable).with_name("penstock")
TRAINING_LIMIT_S = 120
JSON = {"content-type": "application/json"}
LINES = {"content-type": "application/x-ndjson"}


class Command(NamedTuple):
    """How a command ended, and what it wrote."""

    status: int
    output: str


@dataclass(frozen=True)
class Stage:
    """A running deployment with its home."""

    home: Home
    client: httpx.AsyncClient

    @property
    def deployment(self) -> Deployment:
        """What runs now."""
        return running_deployment(self.home)

    # --- streams

    async def declare(self, name: str, **sections: Any) -> None:
        """Declare a stream of one number and a label, with one partition."""
        declaration = {
            "name": name,
            "task": "binary",
            "partitions": 1,
            "fields": {"x": {"type": "number"}},
            "label": {"name": "y", "classes": ["no", "yes"]},
            "models": {"families": ["linear"]},
            **sections,
        }
        url = f"{self.deployment.url('registry')}/v1/streams/{name}"
        (await self.client.put(url, json=declaration, headers=JSON)).raise_for_status()
        await self._until_known(name)

    async def _until_known(self, name: str) -> None:
        async with asyncio.timeout(60):
            while (await self.send(name, "events", [])).status_code == 404:  # noqa: ASYNC110 - it is polled
                await asyncio.sleep(0.2)

    async def send(self, stream: str, kind: str, bodies: Sequence[dict[str, Any]]) -> httpx.Response:
        """Send events or labels in the short form."""
        url = f"{self.deployment.url('ingestion')}/v1/streams/{stream}/{kind}"
        return await self.client.post(url, content=b"\n".join(map(msgspec.json.encode, bodies)), headers=LINES)

    async def predict(self, stream: str, body: dict[str, Any]) -> httpx.Response:
        """Ask the server for a prediction."""
        url = f"{self.deployment.url('server')}/v1/streams/{stream}/predict"
        return await self.client.post(url, json=body, headers=JSON)

    async def champion(self, stream: str) -> int:
        """The version that serves a stream."""
        response = await self.client.get(f"{self.deployment.url('registry')}/v1/streams/{stream}")
        return int(response.json()["champion"])

    async def until_champion(self, stream: str, version: int) -> None:
        """Wait until a version serves, or a later one."""
        async with asyncio.timeout(TRAINING_LIMIT_S):
            while await self.champion(stream) < version:  # noqa: ASYNC110 - it is polled
                await asyncio.sleep(0.5)

    # --- processes

    def process(self, name: str) -> psutil.Process:
        """The process of a service, the broker, or the supervisor; of the server the one that answers HTTP."""
        deployment = self.deployment
        identity = deployment.supervisor if name == "supervisor" else deployment.processes[name].process
        process = identity and identity.find()
        assert process is not None, f"{name} does not run"
        return process

    def server_child(self, kind: str) -> psutil.Process:
        """The child of the server that answers HTTP (`http`) or scores streams (`stream`)."""
        children = self.process("server").children()
        return next(child for child in children if f"penstock.server.{kind}" in child.cmdline())

    @contextmanager
    def stopped(self, *names: str) -> Iterator[None]:
        """Processes that stand still for the length of the block, the first for the longest."""
        processes = [self.process(name) for name in names]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in reversed(processes):
                process.send_signal(signal.SIGCONT)

    async def until_ready(self) -> None:
        """Wait until all is well again."""
        async with asyncio.timeout(120):
            while not self.deployment.is_ready:  # noqa: ASYNC110 - it is polled
                await asyncio.sleep(0.2)

    async def repair(self, *words: str) -> None:
        """Run a `penstock` command that a runbook names.

        Raises:
            RuntimeError: it fails; the message has what it wrote.
        """
        done = await self.command(*words)
        if done.status:
            raise RuntimeError(f"penstock {' '.join(words)} ended with {done.status}: {done.output.strip()}")

    async def command(self, *words: str) -> Command:
        """Run `penstock` with these words, as a user of this home does."""
        process = await asyncio.create_subprocess_exec(
            PENSTOCK,
            *words,
            env={**os.environ, "PENSTOCK_HOME": str(self.home.root), "COLUMNS": "200"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        return Command(process.returncode or 0, output.decode())

    # --- the log

    def topic(self, stream: str, short_name: str) -> str:
        """The name of a stream's topic."""
        return f"{self.deployment.namespace}.{stream}.{short_name}"

    async def write(self, topic: str, values: Sequence[bytes]) -> None:
        """Write what no service would to a topic's first partition."""
        log = KafkaLog(Connection(self.deployment.bootstrap), self.deployment.namespace, "staging")
        sink = await log.sink()
        await (await sink.send([RecordBatch(topic, 0, [b"k"] * len(values), list(values))]))
        await sink.close()
        await log.close()

    async def set_retention(self, topic: str, milliseconds: int) -> None:
        """Shorten what a topic keeps."""
        config = {"retention.ms": str(milliseconds)}
        async with _admin(self.deployment.bootstrap) as admin:
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, config)])

    async def delete_records(self, topic: str) -> None:
        """Delete all that a topic's first partition has."""
        async with _admin(self.deployment.bootstrap) as admin:
            await admin.delete_records({KafkaPartition(topic, 0): RecordsToDelete(before_offset=-1)})


class _admin:  # noqa: N801 - it is used as a function
    def __init__(self, bootstrap: str) -> None:
        self._client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)

    async def __aenter__(self) -> AIOKafkaAdminClient:
        await self._client.start()
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
