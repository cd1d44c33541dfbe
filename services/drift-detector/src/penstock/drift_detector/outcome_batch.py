"""A batch of outcomes as quality and the drift detectors read it: which are the first of their events, their losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penstock.contracts.batch import Batch
from penstock.contracts.records.outcomes import Outcome
from penstock.drift_detector.event_key import event_key, short_keys
from penstock.drift_detector.losses import loss_of
from penstock.drift_detector.recent_events import RecentEvents


@dataclass(frozen=True, slots=True)
class OutcomeBatch:
    """Outcomes in the order of their offsets; `offsets` and `short_keys` have one entry for each.

    `first` holds the indices, ascending, of those that are the first of their event, and `losses` has one entry for
    each of these (None without a label). Later outcomes of an event are repeated work or corrections. Imported history
    counts as neither.
    """

    outcomes: Sequence[Outcome[Any]]
    offsets: list[int]
    short_keys: list[int]
    first: list[int]
    losses: list[float | None]

    @property
    def first_outcomes(self) -> list[Outcome[Any]]:
        """The first outcomes of their events."""
        return [self.outcomes[index] for index in self.first]


def read_outcomes(batch: Batch[Outcome[Any]], recent_events: RecentEvents) -> OutcomeBatch:
    """The outcomes of a batch; their events are added to `recent_events`."""
    keys = [event_key(outcome.source, outcome.data.entity, outcome.id) for outcome in batch.records]
    live = [index for index, outcome in enumerate(batch.records) if outcome.data.status != "imported"]
    first = [live[new] for new in recent_events.add([keys[index] for index in live])]
    return OutcomeBatch(
        outcomes=batch.records,
        offsets=[raw.offset for raw in batch.raw],
        short_keys=short_keys(keys),
        first=first,
        losses=[loss_of(batch.declaration.task, batch.records[index]) for index in first],
    )
