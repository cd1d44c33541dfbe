"""The join of one partition: events, predictions and labels in any order become outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from msgspec import Raw

from penstock.bus.state.unit_state import State
from penstock.contracts.batch import Batch, Outputs
from penstock.contracts.entities import entities_of
from penstock.contracts.input_bounds import to_utc
from penstock.contracts.label_values import label_value
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.predictions import PREDICTION_SUFFIX, Prediction
from penstock.contracts.topics import OUTCOMES
from penstock.drift_detector.event_key import event_key
from penstock.drift_detector.event_time import LONG_AGO, duration_microseconds, to_microseconds
from penstock.drift_detector.join.event_time_queue import EventTimeQueue
from penstock.drift_detector.join.pending_event import LabelRevision, PendingEvent, history_outcome
from penstock.drift_detector.join.pending_store import PendingStore
from penstock.drift_detector.recent_events import RecentEvents

_WATERMARK = b"w"
MAX_ENDED = 20_000  # events: far more than end between a crash and its repetition


@dataclass
class JoinResult:
    """Outcomes in the order in which they were made, each with its key and the index of the record that caused it.

    `unmet` is the number of labels that were dropped because their event did not come within the horizon.
    """

    outcomes: list[Outcome[Raw]] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    causes: list[int] = field(default_factory=list)
    unmet: int = 0

    def add(self, outcomes: Iterable[Outcome[Raw]], key: bytes | None, cause: int) -> None:
        """Add the outcomes of one event."""
        for outcome in outcomes:
            self.outcomes.append(outcome)
            self.keys.append(key)
            self.causes.append(cause)

    def outputs(self, stream: str) -> list[Outputs[Outcome[Any]]]:
        """The outcomes as records to write."""
        if not self.outcomes:
            return []
        return [Outputs(OUTCOMES, stream, self.outcomes, self.keys, partition=0, causes=self.causes)]


class PartitionJoin:
    """Keeps events until their horizon has passed in event time; the newest event's time is the watermark."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._pending = PendingStore(state)
        self._by_event_time = EventTimeQueue(state)
        self._ended = RecentEvents(state, b"e", MAX_ENDED)
        watermark = state.get(_WATERMARK)
        self._watermark = LONG_AGO if watermark is None else int.from_bytes(watermark, "big", signed=True)

    def add_events(self, batch: Batch[Event[Any]]) -> tuple[JoinResult, list[int]]:
        """Add events; the outcomes that follow, and the indices of the events that are no repetition.

        An event of history has its label already: it is an outcome at once, neither moves the watermark nor is among
        the indices.
        """
        declaration = batch.declaration
        horizon = duration_microseconds(declaration.label.horizon)
        entities = entities_of(declaration, batch.records)
        keys = [
            event_key(event.source, entity, event.id) for event, entity in zip(batch.records, entities, strict=True)
        ]
        times = [to_microseconds(event.time) for event in batch.records]
        self._pending.load([*keys, *self._by_event_time.keys_before(max(self._watermark, *times) - horizon)])
        result, new = JoinResult(), []
        for index, (key, time) in enumerate(zip(keys, times, strict=True)):
            event = batch.records[index]
            if event.is_history:
                result.add([history_outcome(declaration, event, entities[index])], batch.raw[index].key, index)
                continue
            pending = self._pending_at(key, time)
            if pending is not None and pending.fields is None:
                if pending.time != time:
                    self._set_time(pending, key, time)
                pending.set_event(event, entities[index], batch.raw[index].key)
                self._write_ready(key, pending, index, result)
                new.append(index)
            self._watermark = max(self._watermark, time)
            if self._by_event_time.has_before(self._watermark - horizon):
                self._expire(self._watermark - horizon, index, result)
        self._state.put(_WATERMARK, self._watermark.to_bytes(8, "big", signed=True))
        self._save()
        return result, new

    def add_predictions(self, batch: Batch[Prediction]) -> JoinResult:
        """Add predictions; the first of an event by offset counts."""
        keys = [
            event_key(record.source.removesuffix(PREDICTION_SUFFIX), record.data.entity, record.id)
            for record in batch.records
        ]
        self._pending.load(keys)
        result = JoinResult()
        for index, (key, record) in enumerate(zip(keys, batch.records, strict=True)):
            pending = self._pending_at(key, to_microseconds(record.time))
            if pending is not None and pending.prediction is None:
                pending.prediction = record.data
                self._write_ready(key, pending, index, result)
        self._save()
        return result

    def add_labels(self, batch: Batch[Label]) -> JoinResult:
        """Add labels; one that comes before its event is kept for it."""
        declaration = batch.declaration
        keys = [event_key(label.data.event_source, label.data.entity, label.data.event_id) for label in batch.records]
        self._pending.load(keys)
        result = JoinResult()
        for index, (key, label) in enumerate(zip(keys, batch.records, strict=True)):
            pending = self._pending.get(key)
            if pending is None and key in self._ended:
                result.unmet += 1
                continue
            pending = pending or PendingEvent(LONG_AGO)
            revision = LabelRevision(label_value(declaration, label), label.data.revision, to_utc(label.time))
            if pending.add_label(revision):
                time = to_microseconds(label.time)
                if pending.has_only_labels and time > pending.time:  # kept for a horizon from the newest label on
                    self._set_time(pending, key, time)
                self._write_ready(key, pending, index, result)
        self._save()
        return result

    def _pending_at(self, key: bytes, time: int) -> PendingEvent | None:
        """The pending event, whose time is `time`; None when it has ended: then this is repeated work."""
        pending = self._pending.get(key)
        if pending is None:
            if key in self._ended:
                return None
            pending = PendingEvent(time)
        if pending.has_only_labels:
            self._set_time(pending, key, time)
        return pending

    def _set_time(self, pending: PendingEvent, key: bytes, time: int) -> None:
        pending.time = time
        self._by_event_time.add(time, key)

    def _write_ready(self, key: bytes, pending: PendingEvent, cause: int, result: JoinResult) -> None:
        """Write the outcomes that are ready, and keep the event for what is still to come."""
        if pending.is_overdue and pending.is_complete:
            result.add(pending.pop_last(), pending.key, cause)
            self._pending.remove(key)
            self._ended.add([key])
        else:
            if pending.labels:
                result.add(pending.pop_joined(), pending.key, cause)
            self._pending.put(key, pending)

    def _expire(self, cutoff: int, cause: int, result: JoinResult) -> None:
        for time, key in self._by_event_time.pop_before(cutoff):
            pending = self._pending.get(key)
            if pending is None or pending.time != time or pending.is_overdue:
                continue
            if pending.has_only_labels:
                result.unmet += len(pending.labels)
                self._pending.remove(key)
            else:
                pending.is_overdue = True
                self._write_ready(key, pending, cause, result)

    def _save(self) -> None:
        self._pending.save()
        self._by_event_time.save()
        self._ended.save()
