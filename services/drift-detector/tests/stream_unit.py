"""The stream handler on a store, and outcomes to pass to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.artifacts import MemoryStore
from penstock.bus.state.unit_state import MemoryStateStore, State
from penstock.contracts.batch import AnyOutputs
from penstock.contracts.records.counts import Counts
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import ALERTS, COUNTS, DRIFT, OUTCOMES, STATISTICS
from penstock.drift_detector.drift.champions import Champions
from penstock.drift_detector.drift.profile_store import ProfileStore
from penstock.drift_detector.handlers import StreamHandler

Written = dict[str, list[Any]]


class StreamUnit:
    """The stream handler of a stream on a store; `reopen` reads the state again, as after a restart."""

    def __init__(self, make: Any, declared: StreamDeclared, store: MemoryStore | None = None) -> None:
        self.make, self.declared = make, declared
        self.store = MemoryStateStore()
        self.champions, self.profiles = Champions(), ProfileStore(store or MemoryStore())
        self.written: Written = {topic.short_name: [] for topic in (STATISTICS, DRIFT, ALERTS)}
        self.offset = 0
        self.reopen()

    def reopen(self) -> None:
        self.state = State(self.store)
        self.handler = StreamHandler("power", self.state, self.champions, self.profiles)

    def outcomes(self, records: Sequence[Any], write: bool = True) -> list[AnyOutputs]:
        outputs = self.handler.outcomes(self.make.batch(OUTCOMES, records, self.declared, self.offset))
        if write:
            self.offset += len(records)
            self._write(outputs)
        return outputs

    async def counts(self, records: Sequence[Counts]) -> None:
        self._write(await self.handler.counts(self.make.batch(COUNTS, records, self.declared)))

    def _write(self, outputs: list[AnyOutputs]) -> None:
        for output in outputs:
            self.written[output.topic.short_name] += output.records
        self.state.write(self.state.take_changes(), {})


def outcomes_of(make: Any, is_wrong: Sequence[bool], start: int = 0, **answer: Any) -> list[Any]:
    return [make.outcome(start + n, "0" if wrong else "1", **answer) for n, wrong in enumerate(is_wrong)]


def random_errors(rate: float, count: int, seed: int) -> list[bool]:
    return (np.random.default_rng(seed).random(count) < rate).tolist()


def statistics_of(unit: StreamUnit, clock: str) -> list[Any]:
    return [block for block in unit.written["statistics"] if block.clock == clock]


def concept_drifts(unit: StreamUnit) -> list[Any]:
    return [drift for drift in unit.written["drift"] if drift.kind == "concept"]
