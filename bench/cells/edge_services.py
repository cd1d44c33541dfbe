"""Ingestion and server in this process, on a memory log, with the streams that worst requests are sent to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.workload.worst_requests import NARROW_STREAM, WIDE_STREAM, Route
from penstock.artifacts import MemoryStore, Seal, Signer, Verifier, generate_key_pair
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.batch import output
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.models import ModelEpoch, ModelVersion, subject_of
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import MODELS, STREAMS
from penstock.ingestion.settings import IngestionSettings
from penstock.ingestion.wiring import build
from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.models.baseline import baseline
from penstock.ml.package.model_package import pack
from penstock.runtime.service import Resources, Service
from penstock.runtime.single_process import SingleProcess, VirtualClock
from penstock.server.models.model_loader import ModelLoader
from penstock.server.settings import HttpSettings
from penstock.server.wiring import build_http

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def edge_apps() -> AsyncIterator[dict[Route, Any]]:
    """The app of each route; a baseline serves each stream."""
    with TemporaryDirectory() as folder:
        process = SingleProcess(VirtualClock(int(NOW.timestamp() * 1000)))
        registry = _Registry(Path(folder))
        await _publish(process, registry)
        ingestion = await process.start(lambda resources: build(IngestionSettings(), resources))
        server = await process.start(registry.build_server)
        await process.run_until_quiet()
        tasks = [asyncio.ensure_future(task()) for service in (ingestion, server) for task in service.tasks]
        while not server.ready():  # noqa: ASYNC110 (it becomes true, and nothing says when)
            await asyncio.sleep(0.01)
        yield {"ingestion": ingestion.app, "predict": server.app, "infer": server.app}
        for task in tasks:
            task.cancel()
        await process.close()


async def _publish(process: SingleProcess, registry: _Registry) -> None:
    """Declare the streams, and put an epoch into force for each."""
    resources = process.resources()
    await process.log.create(control_topics("penstock"))
    for text in (NARROW_STREAM, WIDE_STREAM):
        declaration = parse_declaration(text)
        stream = StreamDeclared(source="bench", id=declaration.name, time=NOW, version=1, declaration=declaration)
        await process.log.create(stream_topics("penstock", stream))
        resources.streams.apply(stream)
        epoch = registry.baseline_epoch(declaration)
        await resources.publisher.publish([output(STREAMS, stream), output(MODELS, epoch)])


class _Registry:
    """Signs models, and keeps them in a memory store."""

    def __init__(self, folder: Path) -> None:
        generate_key_pair(folder / "signing.pem", folder / "trusted.pem")
        self._signer = Signer.from_file(folder / "signing.pem")
        self._loader = ModelLoader(MemoryStore(), Verifier.from_file(folder / "trusted.pem"))

    def build_server(self, resources: Resources) -> Service:
        return build_http(HttpSettings(), resources, self._loader, Seal(bytes(32)))

    def baseline_epoch(self, declaration: Declaration) -> ModelEpoch:
        classes = list(declaration.label.classes)
        fields = [
            Field(name, "category" if f.type == "category" else "number") for name, f in declaration.fields.items()
        ]
        model = baseline(declaration.task, classes, None, fields)
        rows = Frame({field.name: column(field.kind, []) for field in fields}, times([]))
        stream, digest = declaration.name, self._loader.store.put(pack(model, rows))
        version = ModelVersion(
            name=stream,
            version=0,
            family=model.family,
            digest=digest,
            envelope=dict(self._signer.sign(subject_of(stream, None), digest, "model", {})),
            run=None,
            schema_version=1,
        )
        return ModelEpoch(
            source="bench", id=stream, time=NOW, stream=stream, epoch=0, champion=version, reason="baseline"
        )
