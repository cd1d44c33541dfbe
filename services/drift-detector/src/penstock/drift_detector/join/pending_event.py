"""An event that is not finished: what has come of it so far, and the outcomes that follow from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct, UnsetType

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.input_bounds import to_utc
from penstock.contracts.label_values import history_label_value
from penstock.contracts.records.events import Event
from penstock.contracts.records.outcomes import OUTCOME_SUFFIX, Outcome, OutcomeData
from penstock.contracts.records.predictions import PredictionData
from penstock.drift_detector.event_time import from_microseconds

_encode_json = msgspec.json.Encoder().encode


class LabelRevision(Struct, array_like=True):
    """One revision of an event's label."""

    value: str | float
    revision: int
    time: datetime


class PendingEvent(Struct, array_like=True):
    """What has come of one event so far, in whatever order.

    `time` is the event's in microseconds since 1970, or the newest label's as long as only labels came. `fields` is
    the payload as JSON, None before the event came. `labels` are those that no outcome was written for yet, `revision`
    is the highest that came, and `has_outcome` tells that an outcome was written. `is_overdue`: the horizon passed
    while event or prediction was still missing, so the event ends as soon as both are there.
    """

    time: int
    source: str = ""
    id: str = ""
    entity: str | None = None
    key: bytes | None = None
    fields: bytes | None = None
    prediction: PredictionData | None = None
    labels: list[LabelRevision] = []
    revision: int = -1
    has_outcome: bool = False
    is_overdue: bool = False

    @property
    def has_only_labels(self) -> bool:
        """Whether neither the event nor its prediction came yet."""
        return self.fields is None and self.prediction is None

    @property
    def is_complete(self) -> bool:
        """Whether event and prediction are there: an outcome needs at most a label more."""
        return self.fields is not None and self.prediction is not None

    def set_event(self, event: Event[Any], entity: str | None, record_key: bytes | None) -> None:
        """Set what the event brings, but for its time, and the key of its record on the log."""
        self.source, self.id, self.entity, self.key = event.source, event.id, entity, record_key
        self.fields = _encode_json(event.data)

    def add_label(self, label: LabelRevision) -> bool:
        """Add a label; False, and no change, when an equal or higher revision came before."""
        if label.revision <= self.revision:
            return False
        self.revision = label.revision
        self.labels.append(label)
        return True

    def pop_joined(self) -> list[Outcome[Raw]]:
        """The outcomes that can be written now, one for each new label in order of revisions."""
        if not self.labels or not self.is_complete:
            return []
        labels, self.labels, self.has_outcome = self.labels, [], True
        return [self._outcome(label) for label in labels]

    def pop_last(self) -> list[Outcome[Raw]]:
        """The outcomes to write when the horizon has passed: an `expired` one if no label ever came."""
        return self.pop_joined() if self.has_outcome or self.labels else [self._outcome(None)]

    def _outcome(self, label: LabelRevision | None) -> Outcome[Raw]:
        assert self.fields is not None
        assert self.prediction is not None
        return Outcome(
            source=self.source + OUTCOME_SUFFIX,
            id=self.id,
            time=from_microseconds(self.time),
            data=OutcomeData(
                fields=Raw(self.fields),
                prediction=self.prediction,
                label=label.value if label else None,
                revision=label.revision if label else 0,
                label_time=label.time if label else None,
                status="joined" if label else "expired",
                entity=self.entity,
            ),
        )


def history_outcome(declaration: Declaration, event: Event[Any], entity: str | None) -> Outcome[Raw]:
    """The outcome of an event of history: it brings its label, and has no prediction."""
    label_time = event.time if isinstance(event.labeltime, UnsetType) else event.labeltime
    return Outcome(
        source=event.source + OUTCOME_SUFFIX,
        id=event.id,
        time=to_utc(event.time),
        data=OutcomeData(
            fields=Raw(_encode_json(event.data)),
            label=history_label_value(declaration, event),
            revision=0,
            label_time=to_utc(label_time),
            status="imported",
            entity=entity,
        ),
    )
