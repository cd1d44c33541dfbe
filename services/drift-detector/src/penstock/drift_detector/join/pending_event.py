"""The join of event, prediction and label: what is remembered of an event, and which outcomes follow from it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct, UnsetType

from penstock.contracts.checks import history_label_value
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.events import Event
from penstock.contracts.records.outcomes import OUTCOME_SUFFIX, Outcome, OutcomeData
from penstock.contracts.records.predictions import PredictionData
from penstock.drift_detector.event_key import instant


class Truth(Struct, array_like=True):
    """What a label said."""

    value: str | float
    revision: int
    time: datetime


class Pending(Struct, array_like=True):
    """What has come of one event so far, in whatever order.

    `at` is the event's time in microseconds since 1970, or the newest label's as long as only labels came. `fields`
    is the payload as JSON, None before the event came. `labels` wait for event and prediction; `revision` is the
    highest that came, `joined` says that an outcome was written. `overdue`: the horizon passed while event or
    prediction was still missing, so the entry ends as soon as both are there.
    """

    at: int
    source: str = ""
    id: str = ""
    entity: str | None = None
    key: bytes | None = None
    fields: bytes | None = None
    prediction: PredictionData | None = None
    labels: list[Truth] = []
    revision: int = -1
    joined: bool = False
    overdue: bool = False

    @property
    def only_labels(self) -> bool:
        """Whether neither the event nor its prediction came yet."""
        return self.fields is None and self.prediction is None

    @property
    def complete(self) -> bool:
        """Whether an outcome can be written: only a label may be missing."""
        return self.fields is not None and self.prediction is not None

    def take_label(self, truth: Truth) -> bool:
        """Remember a label; an equal or lower revision than one that came does nothing and is False."""
        if truth.revision <= self.revision:
            return False
        self.revision = truth.revision
        self.labels.append(truth)
        return True

    def ready(self) -> list[Outcome[Raw]]:
        """The outcomes that can be written now, one for each waiting label in order of their revisions."""
        if not self.labels or not self.complete:
            return []
        truths, self.labels, self.joined = self.labels, [], True
        return [self._outcome(truth) for truth in truths]

    def last(self) -> list[Outcome[Raw]]:
        """What is left to write when the horizon has passed: `expired`, unless a label came."""
        return self.ready() if self.joined or self.labels else [self._outcome(None)]

    def _outcome(self, truth: Truth | None) -> Outcome[Raw]:
        assert self.fields is not None
        assert self.prediction is not None
        return Outcome(
            source=self.source + OUTCOME_SUFFIX,
            id=self.id,
            time=instant(self.at),
            data=OutcomeData(
                fields=Raw(self.fields),
                prediction=self.prediction,
                label=truth.value if truth else None,
                revision=truth.revision if truth else 0,
                label_time=truth.time if truth else None,
                status="joined" if truth else "expired",
                entity=self.entity,
            ),
        )


def imported(declaration: Declaration, event: Event[Any], entity: str | None) -> Outcome[Raw]:
    """The outcome that an event of history is: it brings its label, and has no prediction."""
    known_at = event.time if isinstance(event.labeltime, UnsetType) else event.labeltime
    return Outcome(
        source=event.source + OUTCOME_SUFFIX,
        id=event.id,
        time=event.time.astimezone(UTC),
        data=OutcomeData(
            fields=Raw(msgspec.json.encode(event.data)),
            label=history_label_value(declaration, event),
            revision=0,
            label_time=known_at.astimezone(UTC),
            status="imported",
            entity=entity,
        ),
    )
