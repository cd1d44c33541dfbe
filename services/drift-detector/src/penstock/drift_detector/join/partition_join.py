"""The join of one partition: takes events, predictions and labels as they come and says which outcomes follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

import msgspec
from msgspec import Raw

from penstock.bus.state.state import State
from penstock.contracts.batch import Batch, Outputs
from penstock.contracts.checks import entities_of, label_value
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.predictions import PREDICTION_SUFFIX, Prediction
from penstock.contracts.topics import OUTCOMES
from penstock.drift_detector.event_key import event_key, length, micros
from penstock.drift_detector.join.deadlines import Deadlines
from penstock.drift_detector.join.pending_event import Pending, Truth, imported
from penstock.drift_detector.join.pending_store import PendingEvents
from penstock.drift_detector.recent_events import Met

_json = msgspec.json.Encoder().encode

_WATERMARK = b"w"
_LONG_AGO = -(2**62)
ENDED = 20_000  # events that are known to have ended: far more than end between a crash and its repetition


@dataclass
class Joined:
    """Outcomes in the order in which they came about, with the events' keys and the index of what caused each."""

    records: list[Outcome[Raw]] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    causes: list[int] = field(default_factory=list)

    def add(self, outcomes: Iterable[Outcome[Raw]], key: bytes | None, cause: int) -> None:
        """Take in the outcomes of one event."""
        for outcome in outcomes:
            self.records.append(outcome)
            self.keys.append(key)
            self.causes.append(cause)

    def outputs(self, stream: str) -> list[Outputs[Outcome[Any]]]:
        """What to write."""
        if not self.records:
            return []
        return [Outputs(OUTCOMES, stream, self.records, self.keys, partition=0, causes=self.causes)]


class Join:
    """Remembers events until their horizon, by event time: the newest event's time is the watermark.

    `unmet` is told how many labels were dropped because their event did not come within the horizon.
    """

    def __init__(self, state: State, unmet: Callable[[int], None]) -> None:
        self._state = state
        self._unmet = unmet
        self._pending = PendingEvents(state)
        self._deadlines = Deadlines(state)
        self._ended = Met(state, b"e", ENDED)
        watermark = state.get(_WATERMARK)
        self._watermark = _LONG_AGO if watermark is None else int.from_bytes(watermark, "big", signed=True)

    def events(self, batch: Batch[Event[Any]]) -> tuple[Joined, list[int]]:
        """Take in events; also the indices of those that are no repetition.

        History has its label already, and nobody waits for it: it neither moves the watermark nor counts.
        """
        declaration = batch.declared.declaration
        horizon = length(declaration.label.horizon)
        entities = entities_of(declaration, batch.records)
        keys = [
            event_key(event.source, entity, event.id) for event, entity in zip(batch.records, entities, strict=True)
        ]
        times = [micros(event.time) for event in batch.records]
        self._pending.load([*keys, *self._deadlines.before(max(self._watermark, *times) - horizon)])
        joined, fresh = Joined(), []
        for index, (key, at) in enumerate(zip(keys, times, strict=True)):
            event = batch.records[index]
            if event.is_history:
                joined.add([imported(declaration, event, entities[index])], batch.raw[index].key, index)
                continue
            entry = self._entry_at(key, at)
            if entry is not None and entry.fields is None:
                self._take_event(entry, key, at, entities[index], event, batch.raw[index].key)
                self._settle(key, entry, index, joined)
                fresh.append(index)
            self._watermark = max(self._watermark, at)
            if self._deadlines.has_before(self._watermark - horizon):
                self._expire(self._watermark - horizon, index, joined)
        self._state.put(_WATERMARK, self._watermark.to_bytes(8, "big", signed=True))
        self._save()
        return joined, fresh

    def predictions(self, batch: Batch[Prediction]) -> Joined:
        """Take in predictions; the first of an event stands."""
        keys = [
            event_key(record.source.removesuffix(PREDICTION_SUFFIX), record.data.entity, record.id)
            for record in batch.records
        ]
        self._pending.load(keys)
        joined = Joined()
        for index, (key, record) in enumerate(zip(keys, batch.records, strict=True)):
            entry = self._entry_at(key, micros(record.time))
            if entry is not None and entry.prediction is None:
                entry.prediction = record.data
                self._settle(key, entry, index, joined)
        self._save()
        return joined

    def labels(self, batch: Batch[Label]) -> Joined:
        """Take in labels; one whose event is not there yet waits for it."""
        declaration = batch.declared.declaration
        keys = [event_key(label.data.event_source, label.data.entity, label.data.event_id) for label in batch.records]
        self._pending.load(keys)
        joined = Joined()
        for index, (key, label) in enumerate(zip(keys, batch.records, strict=True)):
            entry = self._pending.get(key)
            if entry is None and key in self._ended:
                self._unmet(1)
                continue
            entry = entry or Pending(_LONG_AGO)
            said = Truth(label_value(declaration, label), label.data.revision, label.time.astimezone(UTC))
            if entry.take_label(said):
                self._wait_from(key, entry, micros(label.time))
                self._settle(key, entry, index, joined)
        self._save()
        return joined

    def _take_event(
        self, entry: Pending, key: bytes, at: int, entity: str | None, event: Event[Any], record_key: bytes | None
    ) -> None:
        if entry.at != at:
            entry.at = at
            self._deadlines.add(at, key)
        entry.source, entry.id, entry.entity, entry.key = event.source, event.id, entity, record_key
        entry.fields = _json(event.data)

    def _entry_at(self, key: bytes, at: int) -> Pending | None:
        """The entry of an event whose time is known; None when the event has ended: this is repeated work."""
        entry = self._pending.get(key)
        if entry is None:
            if key in self._ended:
                return None
            entry = Pending(at)
        if entry.only_labels:
            entry.at = at
            self._deadlines.add(at, key)
        return entry

    def _wait_from(self, key: bytes, entry: Pending, at: int) -> None:
        """As long as nothing but labels is known of an event, it is waited for from the newest of them on."""
        if entry.only_labels and at > entry.at:
            entry.at = at
            self._deadlines.add(at, key)

    def _settle(self, key: bytes, entry: Pending, cause: int, joined: Joined) -> None:
        """Write what is ready, and keep the entry for what is still to come."""
        if entry.overdue and entry.complete:
            joined.add(entry.last(), entry.key, cause)
            self._pending.remove(key)
            self._ended.add([key])
        else:
            if entry.labels:
                joined.add(entry.ready(), entry.key, cause)
            self._pending.put(key, entry)

    def _expire(self, cutoff: int, cause: int, joined: Joined) -> None:
        for at, key in self._deadlines.take(cutoff):
            entry = self._pending.get(key)
            if entry is None or entry.at != at or entry.overdue:
                continue
            if entry.only_labels:
                self._unmet(len(entry.labels))
                self._pending.remove(key)
            else:
                entry.overdue = True
                self._settle(key, entry, cause, joined)

    def _save(self) -> None:
        self._pending.save()
        self._deadlines.save()
        self._ended.save()
