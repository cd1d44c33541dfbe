"""How the readers of `outcomes` understand them: how each event ended for trainer, server, console and detector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from penstock.bus.memory.partition import MemoryRecord
from penstock.bus.state.unit_state import MemoryStateStore, State
from penstock.console.replay.watch.event_columns import EventColumns
from penstock.contracts.batch import Batch
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import OUTCOMES
from penstock.drift_detector.outcome_batch import read_outcomes
from penstock.drift_detector.recent_events import RecentEvents
from penstock.ml.features.lag_features import LabelHistory, Lags
from penstock.server.learning.outcome_state import OutcomeState
from penstock.trainer.data.dataset import rows_of
from penstock.trainer.data.parquet_segments import from_parquet, outcome_table, to_parquet

SEGMENT = 7  # outcomes: an event's first outcome and a later one are often in two segments

Ends = list[tuple[str, str]]
"""Each event and the status of the outcome that counts, once for each outcome that was taken for one."""


def ends_of(
    stream: StreamDeclared, raw: Sequence[MemoryRecord], outcomes: Sequence[Outcome[Any]]
) -> Mapping[str, Ends]:
    """The ends by reader. Trainer and server read no more of expired ones than that they are."""
    return {
        "drift-detector": list(_detector(stream, raw, outcomes)),
        "trainer": list(_trainer(stream, raw, outcomes)),
        "server": list(_server(stream, raw, outcomes)),
        "console": list(_console(stream, outcomes)),
    }


def _detector(
    stream: StreamDeclared, raw: Sequence[MemoryRecord], outcomes: Sequence[Outcome[Any]]
) -> Iterator[tuple[str, str]]:
    recent = RecentEvents(State(MemoryStateStore()), b"d", len(raw) + 1)
    if outcomes:
        first = read_outcomes(Batch(OUTCOMES, stream, 0, list(outcomes), raw), recent).first_outcomes
        yield from ((outcome.id, outcome.data.status) for outcome in first)


def _trainer(
    stream: StreamDeclared, raw: Sequence[MemoryRecord], outcomes: Sequence[Outcome[Any]]
) -> Iterator[tuple[str, str]]:
    by_offset = {record.offset: outcome for record, outcome in zip(raw, outcomes, strict=True)}
    offsets = list(by_offset)
    segments = [offsets[at : at + SEGMENT] for at in range(0, len(offsets), SEGMENT)]
    declaration = stream.declaration
    tables = [outcome_table(declaration, part, [by_offset[offset] for offset in part]) for part in segments]
    rows = rows_of(declaration, [from_parquet(to_parquet(declaration, [table])) for table in tables])
    yield from ((by_offset[offset].id, "joined") for offset in rows.offsets.tolist())


class _CountedLabels(LabelHistory):
    """Counts the labels that are learnt."""

    count = 0

    def add(self, *event: Any, **rest: Any) -> None:
        self.count += 1
        super().add(*event, **rest)


def _server(
    stream: StreamDeclared, raw: Sequence[MemoryRecord], outcomes: Sequence[Outcome[Any]]
) -> Iterator[tuple[str, str]]:
    history = _CountedLabels(Lags())
    state = OutcomeState(history, stream.declaration.label.classes)
    for record, outcome in zip(raw, outcomes, strict=True):
        before = history.count
        state.learn(stream, [record])
        yield from [(outcome.id, "joined")] * (history.count - before)


def _console(stream: StreamDeclared, outcomes: Sequence[Outcome[Any]]) -> Iterator[tuple[str, str]]:
    columns = EventColumns(stream.declaration)
    for offset, outcome in enumerate(outcomes):
        columns.end(outcome.id, offset, expired=outcome.data.status == "expired")
    for name in {outcome.id for outcome in outcomes}:
        (expired,) = columns.expired(columns.slots_of(iter([name]), 1))
        yield name, "expired" if expired else "joined"
