"""From a fetched batch to outputs: decode, put unreadable records aside, call the unit's handler."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import ExitStack

from penstock.bus.ports import FetchedBatch
from penstock.bus.publisher import TracedOutputs, no_traceparent
from penstock.bus.routes import Group
from penstock.bus.worker.dead_letters import dead_letter
from penstock.bus.worker.open_unit import OpenUnit
from penstock.bus.worker.record_spans import record_spans
from penstock.contracts.batch import AnyOutputs, Batch, RawRecord, Unreadable
from penstock.contracts.records.streams import Streams
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry

log = logging.getLogger(__name__)


class BatchHandler:
    """Decodes fetched batches and calls the handlers of their units; nothing is written here."""

    def __init__(self, group: Group, streams: Streams, telemetry: Telemetry, metrics: Metrics) -> None:
        self._group = group
        self._streams = streams
        self._telemetry = telemetry
        self._metrics = metrics
        self._topics = {topic.short_name: topic for topic in group.topics}

    async def handle(self, unit: OpenUnit, fetched: FetchedBatch, spans: ExitStack) -> list[TracedOutputs]:
        """The outputs for a fetched batch, in order. Advances the unit's position; opens spans on `spans`."""
        position = unit.positions.get(fetched.topic, 0)
        records = fetched.records
        if records and records[0].offset < position:
            records = [raw for raw in records if raw.offset >= position]
        results = []
        short_name = fetched.topic.rpartition(".")[2]
        topic = self._topics[short_name]
        declared = self._streams.get(unit.unit.stream) if unit.unit.stream else None
        decoded = topic.decoder(declared)(records) if records else []
        readable = [index for index, record in enumerate(decoded) if not isinstance(record, Unreadable)]
        if len(readable) < len(records):
            results.append(TracedOutputs(self._dead_letters(unit, fetched, records, decoded), no_traceparent))
            records = [records[index] for index in readable]
            decoded = [decoded[index] for index in readable]
        if records:
            batch = Batch(topic, declared, fetched.partition, decoded, records)
            traceparent_of = record_spans(self._telemetry, fetched.topic, records, spans)
            started = time.perf_counter()
            outputs = await _await_if_needed(unit.routes[short_name].handle(batch))
            self._metrics.observe_batch(fetched.topic, time.perf_counter() - started)
            results.append(TracedOutputs(list(outputs), traceparent_of))
        self._metrics.count_consumed(fetched.topic, len(fetched.records))
        unit.positions[fetched.topic] = max(position, fetched.position)
        return results

    def _dead_letters(
        self, unit: OpenUnit, fetched: FetchedBatch, records: Sequence[RawRecord], decoded: Sequence[object]
    ) -> list[AnyOutputs]:
        topic, partition = fetched.topic, fetched.partition
        unreadable = [
            (raw, record.reason) for raw, record in zip(records, decoded, strict=True) if isinstance(record, Unreadable)
        ]
        log.warning("%s/%d: %d unreadable records go to the dead letters", topic, partition, len(unreadable))
        self._metrics.count_dead_lettered(topic, len(unreadable))
        unexpected = sum(raw.value is not None for raw, _ in unreadable)  # tombstones come in masses, by design
        unit.dead_letter_limit.count(len(records) - len(unreadable), unexpected, f"{topic}/{partition}")
        return [
            dead_letter(self._group.name, topic, unit.unit.stream, partition, raw, reason) for raw, reason in unreadable
        ]


async def _await_if_needed(outputs: Iterable[AnyOutputs] | Awaitable[Iterable[AnyOutputs]]) -> Iterable[AnyOutputs]:
    return await outputs if inspect.isawaitable(outputs) else outputs
