"""What is done with the records of a unit: the join and the counts of a partition, and what concerns the stream."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from penstock.bus.state.state import State
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.declaration.model_lifecycle import DriftDeclaration
from penstock.contracts.records.counts import Counts
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.monitoring import Alert, Drift, Statistics
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.topics import ALERTS, COUNTS, DRIFT, STATISTICS, Topic
from penstock.drift_detector.drift.answer_drift import AnswerWatch
from penstock.drift_detector.drift.bin_counts import BlockCounter
from penstock.drift_detector.drift.drift_records import (
    Stand,
    alert,
    answer_drift,
    field_drift,
    label_drift,
    rows_drift,
    volume_drift,
)
from penstock.drift_detector.drift.field_drift import FieldWatch
from penstock.drift_detector.drift.multivariate_drift import RowWatch
from penstock.drift_detector.drift.profiles import Champions, Profile, Profiles
from penstock.drift_detector.drift.volume_drift import VolumeWatch
from penstock.drift_detector.event_key import event_key
from penstock.drift_detector.join.partition_join import Join
from penstock.drift_detector.losses import loss_of
from penstock.drift_detector.quality.stream_quality import Quality
from penstock.drift_detector.recent_events import Met, marks_of

JUDGED = 100_000  # events whose first outcome is known: far more than are written between a crash and its repetition

_OUTCOMES = b"2o"


class PartitionHandler:
    """Joins and counts the events of one partition of a stream."""

    def __init__(
        self,
        stream: str,
        partition: int,
        state: State,
        champions: Champions,
        profiles: Profiles,
        unmet: Callable[[int], None],
    ) -> None:
        self._stream = stream
        self._partition = partition
        self._champions = champions
        self._profiles = profiles
        self._join = Join(state, unmet)
        self._counter = BlockCounter(state, stream, partition)

    async def events(self, batch: Batch[Event[Any]]) -> list[AnyOutputs]:
        """Outcomes that were waiting for these events or have expired, and the blocks that are now counted."""
        current = self._champions.profile(self._stream)
        wanted = {digest for digest in (current, self._counter.profile) if digest}
        loaded = {digest: await self._profiles.load(digest) for digest in sorted(wanted)}
        known = {digest: profile for digest, profile in loaded.items() if profile is not None}
        joined, fresh = self._join.events(batch)
        return [*joined.outputs(self._stream), *self._counts(self._counter.take(batch, fresh, current, known))]

    def predictions(self, batch: Batch[Prediction]) -> list[AnyOutputs]:
        """Outcomes that were waiting for these predictions."""
        return [*self._join.predictions(batch).outputs(self._stream)]

    def labels(self, batch: Batch[Label]) -> list[AnyOutputs]:
        """Outcomes that were waiting for these labels."""
        return [*self._join.labels(batch).outputs(self._stream)]

    def _counts(self, blocks: list[tuple[Counts, int]]) -> list[AnyOutputs]:
        if not blocks:
            return []
        records, causes = zip(*blocks, strict=True)
        return [Outputs(COUNTS, self._stream, records, [b"%d" % self._partition] * len(records), 0, causes)]


class StreamHandler:
    """Judges the outcomes and the counts of a whole stream, in the order of their offsets.

    An event is judged once, by its first outcome: later ones are repeated work or revisions. Imported history, which
    nobody was asked about, is passed over.
    """

    def __init__(self, stream: str, state: State, champions: Champions, profiles: Profiles) -> None:
        self._stream = stream
        self._state = state
        self._champions = champions
        self._profiles = profiles
        self._judged = Met(state, b"2d", JUDGED)
        self._quality = Quality(state, stream)
        self._answers = AnswerWatch(state)
        self._rows = RowWatch(state)
        self._fields = FieldWatch(state)
        self._volumes = VolumeWatch(state)
        self._outcomes = int(state.get(_OUTCOMES) or b"0")

    def outcomes(self, batch: Batch[Outcome[Any]]) -> list[AnyOutputs]:
        """Statistics of the blocks that are complete, and the drifts that were noticed."""
        declaration = batch.declared.declaration
        self._answers.set_up(declaration)
        offsets = [raw.offset for raw in batch.raw]
        keys = [event_key(outcome.source, outcome.data.entity, outcome.id) for outcome in batch.records]
        asked = [place for place, outcome in enumerate(batch.records) if outcome.data.status != "imported"]
        first = [asked[found] for found in self._judged.add([keys[place] for place in asked])]
        outcomes = [batch.records[place] for place in first]
        losses = [loss_of(declaration.task, outcome) for outcome in outcomes]
        statistics = self._quality.take(declaration, offsets, marks_of(keys), first, batch.records, losses)
        drifts = [
            (answer_drift(self._stream, offsets[first[place]], outcomes[place], one), first[place])
            for place, one in self._answers.take(outcomes, losses)
        ]
        drifts += [
            (label_drift(self._stream, offsets[place], batch.records[place], found, self._rise(first, place)), place)
            for found, place in self._quality.shifts
        ]
        drifts += [
            (rows_drift(self._stream, offsets[first[at]], outcomes[at], moved, self._answers.rise_at(at)), first[at])
            for moved, at in self._rows.take(declaration, outcomes)
        ]
        drifts.sort(key=itemgetter(1))  # whatever batches they come in, in the order of the log
        self._outcomes = offsets[-1] + 1
        self._save_outcomes()
        alerts = [(alert(drift), index) for drift, index in drifts if drift.status == "confirmed"]
        return [*self._control(STATISTICS, statistics), *self._control(DRIFT, drifts), *self._control(ALERTS, alerts)]

    async def counts(self, batch: Batch[Counts]) -> list[AnyOutputs]:
        """The fields that have left the reference."""
        declared = batch.declared.declaration.drift
        digests = {counts.data.profile for counts in batch.records}
        profiles = {digest: await self._profiles.load(digest) for digest in sorted(digests)}
        drifts = [
            (drift, index)
            for index, counts in enumerate(batch.records)
            for drift in self._counted(counts, declared, profiles[counts.data.profile])
        ]
        self._fields.save()
        self._volumes.save()
        return [*self._control(DRIFT, drifts)]

    def _counted(self, counts: Counts, declared: DriftDeclaration, profile: Profile | None) -> list[Drift]:
        rise, epoch = self._answers.rise, self._epoch_of(counts.data.profile)
        left = self._volumes.take(counts)
        found = self._fields.take(counts.data, declared, profile, self._epoch_of)
        return [
            *([volume_drift(self._stream, counts, *left, Stand(epoch, self._outcomes, rise))] if left else ()),
            *(field_drift(self._stream, counts, one, Stand(under, self._outcomes, rise)) for one, under in found),
        ]

    def _rise(self, first: list[int], place: int) -> float | None:
        """How much the loss had risen with the record at a place: with the first outcomes up to it."""
        return self._answers.rise_at(bisect_right(first, place) - 1)

    def _epoch_of(self, profile: str) -> int:
        return self._champions.epoch_of(self._stream, profile)

    def _save_outcomes(self) -> None:
        self._state.put(_OUTCOMES, b"%d" % self._outcomes)
        self._judged.save()
        self._quality.save()
        self._answers.save()
        self._rows.save()

    def _control(self, topic: Topic[Any], found: list[tuple[Any, int]]) -> list[Outputs[Statistics | Drift | Alert]]:
        if not found:
            return []
        records, causes = zip(*found, strict=True)
        return [Outputs(topic, None, records, [self._stream.encode()] * len(records), causes=causes)]
