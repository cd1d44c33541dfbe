"""Handlers of a unit: the join and the counts of a partition; quality and drift of the whole stream."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from penstock.bus.state.unit_state import State
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.declaration.model_lifecycle import DriftDeclaration
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.counts import Counts
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.monitoring import Alert, Drift, Statistics
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.topics import ALERTS, COUNTS, DRIFT, STATISTICS, Topic
from penstock.drift_detector.drift.answer_drift import AnswerDriftDetector
from penstock.drift_detector.drift.bin_counts import BinCounter
from penstock.drift_detector.drift.champions import Champions
from penstock.drift_detector.drift.drift_records import (
    CountsCause,
    OutcomeCause,
    answer_drift_record,
    drift_alert,
    field_drift_record,
    label_shift_record,
    multivariate_drift_record,
    shortfall_alert,
    shortfall_end_alert,
    shortfall_record,
    volume_drift_record,
)
from penstock.drift_detector.drift.field_drift import FieldDriftDetector
from penstock.drift_detector.drift.label_shift import LabelShiftDetector
from penstock.drift_detector.drift.multivariate_drift import MultivariateDriftDetector
from penstock.drift_detector.drift.profile_store import ProfileStore
from penstock.drift_detector.drift.profiles import Profile
from penstock.drift_detector.drift.shortfall import ShortfallDetector, ShortfallEnd
from penstock.drift_detector.drift.volume_drift import VolumeDriftDetector
from penstock.drift_detector.join.partition_join import JoinResult, PartitionJoin
from penstock.drift_detector.outcome_batch import OutcomeBatch, read_outcomes
from penstock.drift_detector.quality.coverage import CoverageWatch
from penstock.drift_detector.quality.slice_watch import SliceWatch
from penstock.drift_detector.quality.stream_quality import BlockResult, StreamQuality
from penstock.drift_detector.recent_events import RecentEvents
from penstock.drift_detector.unmatched_labels import UnmatchedLabels

MAX_RECENT_EVENTS = 100_000  # far more than have outcomes between a crash and its repetition

_NEXT_OUTCOME = b"2o"


class PartitionHandler:
    """Joins and counts the events of one partition of a stream."""

    def __init__(
        self,
        stream: str,
        partition: int,
        state: State,
        champions: Champions,
        profiles: ProfileStore,
        count_unmet: Callable[[int], None],
    ) -> None:
        self._stream = stream
        self._partition = partition
        self._champions = champions
        self._profiles = profiles
        self._count_unmet = count_unmet
        self._join = PartitionJoin(state)
        self._unmatched = UnmatchedLabels(state, stream, partition)
        self._counter = BinCounter(state, stream, partition)

    async def events(self, batch: Batch[Event[Any]]) -> list[AnyOutputs]:
        """Outcomes that these events complete or let expire, and the count blocks that they complete."""
        current = self._champions.profile(self._stream)
        profiles = await self._load_profiles({current, self._counter.profile})
        result, new = self._join.add_events(batch)
        counts = self._counts(self._counter.update(batch, new, current, profiles))
        return [*result.outputs(self._stream), *counts, *self._unmatched_labels(batch, 0, result)]

    def predictions(self, batch: Batch[Prediction]) -> list[AnyOutputs]:
        """Outcomes that these predictions complete."""
        return [*self._join.add_predictions(batch).outputs(self._stream)]

    def labels(self, batch: Batch[Label]) -> list[AnyOutputs]:
        """Outcomes that these labels complete."""
        result = self._join.add_labels(batch)
        return [*result.outputs(self._stream), *self._unmatched_labels(batch, len(batch.records), result)]

    def _unmatched_labels(self, batch: Batch[Any], labels: int, result: JoinResult) -> list[AnyOutputs]:
        self._count_unmet(result.unmet)
        alert = self._unmatched.update(batch, labels, result.unmet)
        return [] if alert is None else [Outputs(ALERTS, None, [alert], [self._stream.encode()])]

    async def _load_profiles(self, digests: set[str | None]) -> dict[str, Profile]:
        loaded = {digest: await self._profiles.load(digest) for digest in sorted(filter(None, digests))}
        return {digest: profile for digest, profile in loaded.items() if profile is not None}

    def _counts(self, blocks: Sequence[tuple[Counts, int]]) -> list[AnyOutputs]:
        if not blocks:
            return []
        records, causes = zip(*blocks, strict=True)
        return [Outputs(COUNTS, self._stream, records, [b"%d" % self._partition] * len(records), 0, causes)]


class StreamHandler:
    """Measures quality and detects drift over the outcomes and the counts of a whole stream, in order of offsets.

    The first outcome of an event counts; later ones are repeated work or corrections. Imported history is left out.
    """

    def __init__(self, stream: str, state: State, champions: Champions, profiles: ProfileStore) -> None:
        self._stream = stream
        self._state = state
        self._champions = champions
        self._profiles = profiles
        self._recent_events = RecentEvents(state, b"2d", MAX_RECENT_EVENTS)
        self._quality = StreamQuality(state, stream)
        self._coverage = CoverageWatch(state)
        self._slices = SliceWatch(state)
        self._answer_drift = AnswerDriftDetector(state)
        self._shortfall = ShortfallDetector(state, stream, champions)
        self._label_shift = LabelShiftDetector(state)
        self._multivariate_drift = MultivariateDriftDetector(state)
        self._field_drift = FieldDriftDetector(state)
        self._volume_drift = VolumeDriftDetector(state)
        self._next_outcome = int(state.get(_NEXT_OUTCOME) or b"0")  # how many outcomes the stream has

    def outcomes(self, batch: Batch[Outcome[Any]]) -> list[AnyOutputs]:
        """Statistics of the blocks that these outcomes complete, drifts, and alerts about the confirmed ones."""
        outcomes = read_outcomes(batch, self._recent_events)
        blocks = self._quality.update(batch.declaration, outcomes)
        statistics = [(record, block.index) for block in blocks for record in block.statistics]
        drifts = list(self._outcome_drifts(batch.declaration, outcomes, blocks))
        alerts = [(drift_alert(drift), index) for drift, index in drifts if drift.status == "confirmed"]
        alerts += [(alert, index) for record, index in statistics if (alert := self._coverage.update(record))]
        alerts += [(alert, index) for record, index in statistics for alert in self._slices.update(record)]
        for found, alert, index in self._shortfalls(batch.declaration, outcomes):
            drifts += [(drift, index) for drift in found]
            alerts.append((alert, index))
        drifts, alerts = sorted(drifts, key=itemgetter(1)), sorted(alerts, key=itemgetter(1))  # log order
        self._next_outcome = outcomes.offsets[-1] + 1
        self._save_outcomes(has_complete_block=bool(blocks))
        return [*self._control(STATISTICS, statistics), *self._control(DRIFT, drifts), *self._control(ALERTS, alerts)]

    async def counts(self, batch: Batch[Counts]) -> list[AnyOutputs]:
        """Drifts of fields and of volume."""
        declaration = batch.declaration.drift
        digests = {counts.data.profile for counts in batch.records}
        profiles = {digest: await self._profiles.load(digest) for digest in sorted(digests)}
        drifts = [
            (drift, index)
            for index, counts in enumerate(batch.records)
            for drift in self._count_drifts(counts, declaration, profiles[counts.data.profile])
        ]
        self._field_drift.save()
        self._volume_drift.save()
        return [*self._control(DRIFT, drifts)]

    def _outcome_drifts(
        self, declaration: Declaration, batch: OutcomeBatch, blocks: Sequence[BlockResult]
    ) -> Iterator[tuple[Drift, int]]:
        """Drifts with the index of the outcome at which each detector fired."""
        outcomes, loss_rise_at = batch.first_outcomes, self._answer_drift.loss_rise_at
        self._answer_drift.configure(declaration)
        for row, answer_drift in self._answer_drift.update(declaration, outcomes):
            index = batch.first[row]
            yield answer_drift_record(self._cause(batch, index), answer_drift), index
        for block in blocks:
            row = bisect_right(batch.first, block.index) - 1  # the last first outcome up to the end of the block
            for shift in self._label_shift.update(declaration, block.labels):
                cause = self._cause(batch, block.index)
                yield label_shift_record(cause, shift, loss_rise_at(row)), block.index
        for row, row_drift in self._multivariate_drift.update(declaration, outcomes):
            index = batch.first[row]
            yield multivariate_drift_record(self._cause(batch, index), row_drift, loss_rise_at(row)), index

    def _shortfalls(self, declaration: Declaration, batch: OutcomeBatch) -> Iterator[tuple[list[Drift], Alert, int]]:
        """Shortfalls with their drift, and the ends of shortfalls, which are none."""
        for row, found in self._shortfall.update(declaration, batch.first_outcomes):
            index = batch.first[row]
            cause = self._cause(batch, index)
            if isinstance(found, ShortfallEnd):
                yield [], shortfall_end_alert(cause, found), index
            else:
                drift = shortfall_record(cause, found)
                yield [drift], shortfall_alert(drift, found), index

    def _cause(self, batch: OutcomeBatch, index: int) -> OutcomeCause:
        return OutcomeCause(self._stream, batch.offsets[index], batch.outcomes[index])

    def _count_drifts(self, counts: Counts, declaration: DriftDeclaration, profile: Profile | None) -> Iterator[Drift]:
        cause, loss_rise = CountsCause(self._stream, counts, self._next_outcome), self._answer_drift.loss_rise
        volume_drift = self._volume_drift.update(counts)
        if volume_drift is not None:
            yield volume_drift_record(cause, volume_drift, self._epoch_of(counts.data.profile), loss_rise)
        for field_drift, epoch in self._field_drift.update(counts.data, declaration, profile, self._epoch_of):
            yield field_drift_record(cause, field_drift, epoch, loss_rise)

    def _epoch_of(self, profile: str) -> int:
        return self._champions.epoch_of(self._stream, profile)

    def _save_outcomes(self, has_complete_block: bool) -> None:
        self._state.put(_NEXT_OUTCOME, b"%d" % self._next_outcome)
        self._recent_events.save()
        self._quality.save()
        self._answer_drift.save()
        self._shortfall.save()
        self._multivariate_drift.save()
        if has_complete_block:
            self._label_shift.save()

    def _control(
        self, topic: Topic[Any], records: Sequence[tuple[Any, int]]
    ) -> list[Outputs[Statistics | Drift | Alert]]:
        if not records:
            return []
        values, causes = zip(*records, strict=True)
        return [Outputs(topic, None, values, [self._stream.encode()] * len(values), causes=causes)]
