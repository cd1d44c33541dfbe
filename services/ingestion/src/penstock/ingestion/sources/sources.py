"""All sources of the declared streams: each has a reader of its own, so that what fails in one stops no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from penstock.bus.alert_writer import AlertWriter
from penstock.bus.errors import suppress_transient
from penstock.bus.ports import Log
from penstock.bus.publisher import Publisher
from penstock.contracts.declaration.source import SourceDeclaration
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import RECEIVED
from penstock.ingestion.sources.message_decoder import MessageDecoder
from penstock.ingestion.sources.schema_registry import SchemaRegistry
from penstock.ingestion.sources.source_name import SourceName
from penstock.ingestion.sources.source_reader import SourceReader
from penstock.ingestion.sources.source_watch import SourceWatch
from penstock.ingestion.sources.source_writer import SourceWriter
from penstock.runtime.log_writer import LogWriter
from penstock.runtime.service import Resources

LOOK_EVERY = 0.5  # seconds between looks at the declarations

OpenLog = Callable[[str], Log]
"""The log of another cluster, by its servers."""


@dataclass(frozen=True, slots=True)
class _Running:
    """The reader of a source by the declaration of its stream, what it reads from, and the task it runs in."""

    declared: StreamDeclared
    reader: SourceReader
    log: Log
    task: asyncio.Task[None]


class Sources:
    """Runs a reader for every source that a stream declares, by the newest declaration."""

    def __init__(
        self,
        resources: Resources,
        received: LogWriter,
        rejected: LogWriter,
        open_log: OpenLog,
        http: httpx.AsyncClient,
    ) -> None:
        self._resources = resources
        self._received = received
        self._rejected = rejected
        self._open_log = open_log
        self._http = http
        self._alerts = AlertWriter(Publisher(resources.log, resources.namespace, resources.streams, resources.metrics))
        self._running: dict[SourceName, _Running] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                await self.follow_declarations()
                await asyncio.sleep(LOOK_EVERY)
        finally:
            await asyncio.gather(*(self._stop(name) for name in list(self._running)))
            await self._alerts.close()
            await self._http.aclose()

    async def follow_declarations(self) -> None:
        """Begin, end and begin anew what the declarations say."""
        declared = self._declared()
        for name, running in list(self._running.items()):
            if declared.get(name) is not running.declared:
                await self._stop(name)
        for name, stream in declared.items():
            if name not in self._running:
                self._running[name] = self._start(name, stream)

    def failures(self) -> dict[str, str]:
        """The sources that are not read for now, and why."""
        return {str(name): why for name, each in self._running.items() if (why := each.reader.failure) is not None}

    def health(self) -> dict[str, Any]:
        """How far each source is: messages read and rejected since the start, and those that are still to be read."""
        readers = {f"{name.stream}/{name.name}": running.reader for name, running in self._running.items()}
        facts = {name: {"read": r.read, "rejected": r.rejected, "lag": r.lag} for name, r in readers.items()}
        return {"sources": facts} if facts else {}

    def _declared(self) -> dict[SourceName, StreamDeclared]:
        streams, namespace = self._resources.streams, self._resources.namespace
        newest = [stream for name in streams.names() if (stream := streams.get(name)) is not None]
        return {SourceName(namespace, s.name, source): s for s in newest for source in s.declaration.source}

    def _start(self, name: SourceName, stream: StreamDeclared) -> _Running:
        source = stream.declaration.source[name.name]
        log = self._resources.log if source.servers is None else self._open_log(source.servers)
        watch = SourceWatch(name, self._alerts, self._resources.clock)
        writer = SourceWriter(stream.name, self._resources, self._received, self._rejected)
        registry = None if source.schema_registry is None else SchemaRegistry(source.schema_registry, self._http)
        reader = SourceReader(name, source.kafka, log, MessageDecoder(stream, name.name, registry), writer, watch)
        task = asyncio.create_task(self._read(reader, source, stream.name, watch))
        return _Running(stream, reader, log, task)

    async def _read(self, reader: SourceReader, source: SourceDeclaration, stream: str, watch: SourceWatch) -> None:
        if source.servers is None and source.kafka == RECEIVED.name(self._resources.namespace, stream):
            watch.fail(f"{source.kafka} is what it would write to itself; name another topic")
            return
        await reader.run()

    async def _stop(self, name: SourceName) -> None:
        running = self._running.pop(name)
        running.task.cancel()
        await asyncio.gather(running.task, return_exceptions=True)
        if running.log is not self._resources.log:
            await suppress_transient(running.log.close())
