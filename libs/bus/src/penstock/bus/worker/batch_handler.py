"""From a fetched batch to outputs: decode, put unreadable records aside, call the unit's handler."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import ExitStack, nullcontext

from penstock.bus.ports import FetchedBatch
from penstock.bus.publisher import TracedOutputs, no_traceparent
from penstock.bus.routes import Group
from penstock.bus.worker.assigned_units import AssignedUnit
from penstock.bus.worker.dead_letter_watch import DeadLetterWatch
from penstock.bus.worker.dead_letters import LIMIT, dead_letter
from penstock.bus.worker.record_spans import RecordSpans
from penstock.contracts.batch import AnyOutputs, Batch, RawRecord, Unreadable
from penstock.contracts.records.streams import Streams
from penstock.telemetry.logs.log_trace import log_trace
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry

_DeadRecord = tuple[RawRecord, str]
"""A record that becomes a dead letter, and why."""

log = logging.getLogger(__name__)


class BatchHandler:
    """Decodes fetched batches and calls the handlers of their units; nothing is written here."""

    def __init__(
        self, group: Group, streams: Streams, telemetry: Telemetry, metrics: Metrics, watch: DeadLetterWatch
    ) -> None:
        self._group = group
        self._streams = streams
        self._telemetry = telemetry
        self._metrics = metrics
        self._watch = watch
        self._topics = {topic.short_name: topic for topic in group.topics}

    async def handle(self, unit: AssignedUnit, fetched: FetchedBatch, spans: ExitStack) -> list[TracedOutputs]:
        """The outputs for a fetched batch, in order. Advances the unit's position; opens spans on `spans`.

        Raises:
            TooManyDeadLetters: more of it is unreadable than the unit may have of dead letters.
            Exception: whatever the unit's handler raises.
        """
        assert unit.positions is not None
        assert unit.routes is not None
        position = unit.positions.get(fetched.topic, 0)
        records = fetched.records
        if records and records[0].offset < position:
            records = [raw for raw in records if raw.offset >= position]
        short_name = fetched.topic.rpartition(".")[2]
        topic = self._topics[short_name]
        declared = self._streams.known(unit.unit.stream) if unit.unit.stream else None
        read, decoded = len(records), topic.decoder(declared)(records) if records else []
        dead = [
            (raw, record.reason) for raw, record in zip(records, decoded, strict=True) if isinstance(record, Unreadable)
        ]
        results = []
        if dead:
            self._check_limit(unit, dead)
            readable = [index for index, record in enumerate(decoded) if not isinstance(record, Unreadable)]
            records = [records[index] for index in readable]
            decoded = [decoded[index] for index in readable]
        if records:
            batch = Batch(topic, declared, fetched.partition, decoded, records)
            traces = RecordSpans(self._telemetry, fetched.topic, batch, spans)
            started = time.perf_counter()
            with log_trace(traces.traceparent_of(0)) if len(records) == 1 else nullcontext():
                outputs = list(await _await_if_needed(unit.routes[short_name].handle(batch)))
            self._metrics.observe_batch(fetched.topic, time.perf_counter() - started)
            traces.follow(outputs)
            results.append(TracedOutputs(outputs, traces.traceparent_of))
        if dead:
            results.insert(0, self._dead_letters(unit, fetched, dead))
        unit.dead_letter_limit.count(read, _unexpected(dead))
        unit.positions[fetched.topic] = max(position, fetched.position)
        self._metrics.count_consumed(fetched.topic, len(fetched.records))
        return results

    def put_aside(self, unit: AssignedUnit, fetched: FetchedBatch, reason: str) -> TracedOutputs:
        """The dead letter for a batch of one record that cannot be handled. Advances the unit's position.

        Raises:
            TooManyDeadLetters: the unit may have no more of them.
        """
        assert unit.positions is not None
        dead = [(raw, reason) for raw in fetched.records]
        self._check_limit(unit, dead)
        unit.dead_letter_limit.count(len(dead), _unexpected(dead))
        unit.positions[fetched.topic] = fetched.position
        self._metrics.count_consumed(fetched.topic, len(fetched.records))
        return self._dead_letters(unit, fetched, dead)

    def _check_limit(self, unit: AssignedUnit, dead: Sequence[_DeadRecord]) -> None:
        is_probe = unit.failure is not None and unit.failure.is_suspended
        unit.dead_letter_limit.check(_unexpected(dead), allowed=0 if is_probe else LIMIT)

    def _dead_letters(self, unit: AssignedUnit, fetched: FetchedBatch, dead: Sequence[_DeadRecord]) -> TracedOutputs:
        topic, partition, stream = fetched.topic, fetched.partition, unit.unit.stream
        log.warning("%s/%d: %d records go to the dead letters: %s", topic, partition, len(dead), dead[0][1])
        self._metrics.count_dead_lettered(topic, len(dead))
        if _unexpected(dead):
            self._watch.add(unit.unit, f"{topic}/{partition}", dead[0][1])
        letters = [dead_letter(self._group.name, topic, stream, partition, raw, reason) for raw, reason in dead]
        return TracedOutputs(letters, no_traceparent)


def _unexpected(dead: Sequence[_DeadRecord]) -> int:
    """How many count towards the limit: tombstones come in masses, by design."""
    return sum(raw.value is not None for raw, _ in dead)


async def _await_if_needed(outputs: Iterable[AnyOutputs] | Awaitable[Iterable[AnyOutputs]]) -> Iterable[AnyOutputs]:
    return await outputs if inspect.isawaitable(outputs) else outputs
