"""A unit in a member's hands: its state, its routes, and how a part of a fetch becomes outputs."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from penstock.bus.ports import FetchedBatch
from penstock.bus.publisher import HeaderOf, no_header
from penstock.bus.routes import Group, Route, Unit
from penstock.bus.state.state import State
from penstock.bus.worker.dead_letters import DeadLetterLimit, dead_letter
from penstock.bus.worker.record_spans import record_spans
from penstock.contracts.batch import AnyOutputs, Batch, RawRecord, Unreadable
from penstock.contracts.records.streams import Streams
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry

log = logging.getLogger(__name__)


@dataclass
class OpenUnit:
    """A unit that this member owns; `positions` says by topic how far it was handled, written or not."""

    unit: Unit
    state: State
    routes: Mapping[str, Route]
    limit: DeadLetterLimit = field(default_factory=DeadLetterLimit)
    positions: dict[str, int] = field(default_factory=dict)


class Handled(NamedTuple):
    """Outputs to write, and what their traces are."""

    outputs: Sequence[AnyOutputs]
    header_of: HeaderOf


class Handling:
    """Decodes what was fetched and has the unit's handlers answer it; nothing is written here."""

    def __init__(self, group: Group, streams: Streams, telemetry: Telemetry, metrics: Metrics) -> None:
        self._group = group
        self._streams = streams
        self._telemetry = telemetry
        self._metrics = metrics
        self._topics = {topic.noun: topic for topic in group.topics}

    async def handle(self, opened: OpenUnit, part: FetchedBatch, spans: ExitStack) -> list[Handled]:
        """What the unit makes of a part: the outputs, in order; its spans are kept on `spans`."""
        known = opened.positions.get(part.topic, 0)
        records = (
            part.records if part.records[0].offset >= known else [raw for raw in part.records if raw.offset >= known]
        )
        noun = part.topic.rpartition(".")[2]
        topic = self._topics[noun]
        declared = self._streams.get(opened.unit.stream) if opened.unit.stream else None
        decoded = topic.decoder(declared)(records)
        readable = [index for index, record in enumerate(decoded) if not isinstance(record, Unreadable)]
        handled = []
        if len(readable) < len(records):
            handled.append(Handled(self._dead_letters(opened, part, records, decoded), no_header))
            records = [records[index] for index in readable]
            decoded = [decoded[index] for index in readable]
        if records:
            batch = Batch(topic, declared, part.partition, decoded, records)
            header_of = record_spans(self._telemetry, part.topic, records, spans)
            started = time.perf_counter()
            outputs = await _result(opened.routes[noun].handle(batch))
            self._metrics.handled(part.topic, time.perf_counter() - started)
            handled.append(Handled(list(outputs), header_of))
        self._metrics.consumed(part.topic, len(part.records))
        opened.positions[part.topic] = max(known, part.records[-1].offset + 1)
        return handled

    def _dead_letters(
        self, opened: OpenUnit, part: FetchedBatch, records: Sequence[RawRecord], decoded: Sequence[object]
    ) -> list[AnyOutputs]:
        letters: list[AnyOutputs] = [
            dead_letter(self._group.name, part.topic, opened.unit.stream, part.partition, raw, record.reason)
            for raw, record in zip(records, decoded, strict=True)
            if isinstance(record, Unreadable)
        ]
        log.warning("%s/%d: %d unreadable records go to the dead letters", part.topic, part.partition, len(letters))
        self._metrics.dead_lettered(part.topic, len(letters))
        opened.limit.count(len(records) - len(letters), len(letters), f"{part.topic}/{part.partition}")
        return letters


async def _result(outputs: Iterable[AnyOutputs] | Awaitable[Iterable[AnyOutputs]]) -> Iterable[AnyOutputs]:
    return await outputs if inspect.isawaitable(outputs) else outputs
