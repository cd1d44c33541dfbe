"""Shortfall: the champion loses more than its holdout showed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from penstock.bus.state.unit_state import State
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.outcomes import Outcome
from penstock.drift_detector.drift.champions import Champions
from penstock.drift_detector.drift.labelled_answers import LabelledAnswers
from penstock.drift_detector.drift.tenure import Tenure
from penstock.ml.drift.shortfall import is_shortfall
from penstock.ml.metrics.confidence_sequences import Moments
from penstock.ml.metrics.objective import LOSSES

_KEY = b"2g"


@dataclass(frozen=True, slots=True)
class Shortfall:
    """The losses of a champion's live answers, and those that it is judged against."""

    version: int
    epoch: int
    is_baseline: bool
    live: Moments
    reference: Moments


@dataclass(frozen=True, slots=True)
class ShortfallEnd:
    """A champion that fell short has left: it is its own successor if it serves anew, or if the loss is another."""

    version: int
    successor: int
    is_loss_new: bool = False


class ShortfallDetector:
    """Tests the losses of the newest champion's answers against those on its holdout; one alarm for each champion.

    A step of a rollout is another epoch of the same champion, whose test goes on; one that serves again after another
    version is tested anew, though that one answered nothing that has a label. Two clocks count: at once, in the
    order in which labels come, and matured, by cohorts of event time of which the horizon has passed. At once, an
    outcome of an earlier champion's answer that comes between those of the newest counts as one without loss: labels
    that come sooner because of their class raise no alarm. The evidence is the mean of that by both clocks.
    """

    def __init__(self, state: State, stream: str, champions: Champions) -> None:
        self._state = state
        self._stream = stream
        self._champions = champions
        stored = state.get(_KEY)
        self._tenure = msgspec.msgpack.decode(stored, type=Tenure) if stored else Tenure()

    def update(
        self, declaration: Declaration, outcomes: Sequence[Outcome[Any]]
    ) -> list[tuple[int, Shortfall | ShortfallEnd]]:
        """Observe a batch of first outcomes; shortfalls and ends of them, each with the outcome's index."""
        rows = LabelledAnswers.of(declaration, outcomes)
        found: list[tuple[int, Shortfall | ShortfallEnd]] = []
        while len(rows):
            if self._tenure.loss != LOSSES[declaration.metric]:
                found += self._end(rows, self._tenure.version, is_loss_new=True)
                self._tenure = Tenure()
            stop = self._next_champion(rows)
            found += self._observe(declaration, rows.take(slice(stop)))
            rows = rows.take(slice(stop, None))
            if len(rows):
                found += self._end(rows, int(rows.versions[0]))
                self._begin(declaration, rows)
        return found

    def save(self) -> None:
        """Write everything to the state."""
        self._state.put(_KEY, msgspec.msgpack.encode(self._tenure))

    def _next_champion(self, rows: LabelledAnswers) -> int:
        """The row at which another champion's time begins; the number of rows if none does."""
        tenure = self._tenure
        left_at = self._champions.left_at(self._stream, tenure.version, tenure.epoch)
        serves_anew = rows.epochs > left_at if left_at is not None else np.zeros(len(rows), np.bool_)
        others = rows.from_champion & (rows.epochs > tenure.epoch) & ((rows.versions != tenure.version) | serves_anew)
        return int(np.argmax(others)) if others.any() else len(rows)

    def _end(
        self, rows: LabelledAnswers, successor: int, *, is_loss_new: bool = False
    ) -> list[tuple[int, ShortfallEnd]]:
        """The end of the alarm there is about the champion, with the first of the rows."""
        if not self._tenure.alarm:
            return []
        return [(int(rows.index[0]), ShortfallEnd(self._tenure.version, successor, is_loss_new))]

    def _begin(self, declaration: Declaration, rows: LabelledAnswers) -> None:
        version, epoch = int(rows.versions[0]), int(rows.epochs[0])
        is_baseline = bool(rows.from_baseline[0])
        self._tenure = Tenure(version, epoch, epoch, LOSSES[declaration.metric], is_baseline)

    def _observe(self, declaration: Declaration, rows: LabelledAnswers) -> Iterator[tuple[int, Shortfall]]:
        """Add the rows of one champion's time, up to each test that is due."""
        horizon, tenure = declaration.label.horizon.total_seconds(), self._tenure
        while len(rows) and not tenure.alarm:
            answers, due_in = np.flatnonzero(tenure.answers(rows)), tenure.due_in
            is_due = len(answers) >= due_in
            stop = int(answers[due_in - 1]) + 1 if is_due else len(rows)
            tenure.add(rows.take(slice(stop)), horizon)
            if is_due and (shortfall := self._test(horizon)) is not None:
                yield int(rows.index[stop - 1]), shortfall
            rows = rows.take(slice(stop, None))

    def _test(self, horizon: float) -> Shortfall | None:
        tenure = self._tenure
        tenure.schedule_check()
        tenure.matured += tenure.cohorts.pop_complete(horizon)
        reference = tenure.reference(self._champions.holdout(self._stream, tenure.version))
        if reference is None:
            return None
        evidence, live = tenure.evidence(reference)
        tenure.alarm = is_shortfall(evidence, live.mean, reference.mean)
        if not tenure.alarm:
            return None
        return Shortfall(tenure.version, tenure.epoch, tenure.is_baseline, live, reference)
