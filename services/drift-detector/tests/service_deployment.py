"""A drift detector alone on a log to which a test writes; it may be stopped and started again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from penstock.artifacts import MemoryStore
from penstock.bus.ports import RecordBatch
from penstock.bus.state.unit_state import MemoryStateStores, StateStores
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import EVENTS, LABELS, MODELS, PREDICTIONS, STREAMS, Topic
from penstock.drift_detector.settings import DriftDetectorSettings
from penstock.drift_detector.wiring import build
from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.runtime.single_process import SingleProcess

SETTINGS = DriftDetectorSettings(artifacts="memory:")
REFERENCE = ReferenceBins.of(np.random.default_rng(0).normal(0, 1, 2000), "number")
PROFILE = json.dumps({"format": 1, "fields": {"load": REFERENCE.to_dict()}}).encode()


class Deployment:
    """The service, and the records of a stream `power`."""

    def __init__(self, make: Any, declared: StreamDeclared) -> None:
        self.make, self.declared = make, declared
        self.process, self.store = SingleProcess(), MemoryStore()
        self.state_stores: StateStores = MemoryStateStores()

    async def start(self, profile: bytes | None = None, stores: StateStores | None = None) -> None:
        self.state_stores = stores or self.state_stores
        digest = self.store.put(profile) if profile else None
        await self.process.log.create(control_topics("penstock"))
        await self.process.log.create(stream_topics("penstock", self.declared))
        self.write(STREAMS, self.declared)
        self.write(MODELS, self.make.epoch(1, digest))
        await self._start_service()

    async def _start_service(self) -> None:
        resources = replace(self.process.resources(), state_stores=self.state_stores)
        await self.process.add(resources, build(SETTINGS, resources, self.store))

    async def restart(self) -> None:
        """Stop the service, and start it again on the same log and state."""
        log = self.process.log
        await self.process.close()
        self.process = SingleProcess()
        self.process.log = log
        await self._start_service()

    def write(self, topic: Topic[Any], record: Any, partition: int = 0) -> None:
        self.process.log.append([RecordBatch.single(self.name_of(topic), partition, b"k", encode(record))])

    def name_of(self, topic: Topic[Any]) -> str:
        return topic.name("penstock", None if topic.plane == "control" else "power")

    def read(self, topic: Topic[Any]) -> list[Any]:
        raw = self.process.log.records_of((self.name_of(topic), 0))
        return topic.decoder(None if topic.plane == "control" else self.declared)(raw)

    async def send(self, number: int, partition: int, load: float, wrong: bool) -> None:
        """One event, its prediction, and the label of the event twenty rows before."""
        meter = f"m{number % 4}"
        self.write(EVENTS, self.make.event(number, number, load, meter), partition)
        self.write(PREDICTIONS, self.make.prediction(number, number, "1", entity=meter), partition)
        self.write(LABELS, self.make.label(number, number + 20, "0" if wrong else "1", entity=meter), partition)
