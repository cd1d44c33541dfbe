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
from penstock.contracts.records.predictions import PredictionData
from penstock.drift_detector.drift.champions import Champions
from penstock.drift_detector.drift.labelled_answers import LabelledAnswers
from penstock.drift_detector.drift.tenure import Tenure
from penstock.ml.drift.shortfall import is_shortfall
from penstock.ml.metrics.confidence_sequences import Moments
from penstock.ml.metrics.objective import LOSSES

_KEY = b"2g"
MOST_EXTERNAL = 50  # external versions that are remembered: several may take turns, each is new once


@dataclass(frozen=True, slots=True)
class Shortfall:
    """The losses of a champion's live answers, and those that it is judged against."""

    version: int
    epoch: int
    name: str
    has_no_holdout: bool
    live: Moments
    reference: Moments


@dataclass(frozen=True, slots=True)
class ShortfallEnd:
    """A champion that fell short has left: it is its own successor if it serves anew, or if the loss is another.

    `name` and `successor` are how people know the two.
    """

    version: int
    name: str
    successor: str
    is_loss_new: bool = False


class ShortfallDetector:
    """Tests the losses of the newest champion's answers against those on its holdout; one alarm for each champion.

    A step of a rollout is another epoch of the same champion, whose test goes on; one that serves again after another
    version is tested anew, though that one answered nothing that has a label. Two clocks count: at once, in the
    order in which labels come, and matured, by cohorts of event time of which the horizon has passed. At once, an
    outcome of an earlier champion's answer that comes between those of the newest counts as one without loss: labels
    that come sooner because of their class raise no alarm. Of an external model each version that was not there before
    is a new champion. The evidence is the mean of that by both clocks.
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
                found += _end(self._tenure, rows, _name(self._tenure), is_loss_new=True)
                self._tenure = Tenure()
            stop = self._next_champion(rows)
            found += self._observe(declaration, rows.take(slice(stop)))
            rows = rows.take(slice(stop, None))
            if len(rows):
                before, answer = self._tenure, outcomes[int(rows.index[0])].data.answer
                self._tenure = _tenure_of(declaration, answer, before.external)
                found += _end(before, rows, _name(self._tenure))
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
        others |= (rows.versions < 0) & (rows.epochs >= tenure.epoch) & ~np.isin(rows.versions, tenure.external)
        return int(np.argmax(others)) if others.any() else len(rows)

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
        return Shortfall(tenure.version, tenure.epoch, _name(tenure), tenure.has_no_holdout, live, reference)


def _tenure_of(declaration: Declaration, answer: PredictionData, external: Sequence[int]) -> Tenure:
    """That of the champion who gave this answer, `external` being the external versions before it."""
    if answer.version < 0:
        external = [*[each for each in external if each != answer.version][-MOST_EXTERNAL:], answer.version]
    return Tenure(
        answer.version,
        answer.epoch,
        answer.epoch,
        LOSSES[declaration.metric],
        answer.baseline,
        external=list(external),
        name=answer.version_name,
    )


def _end(
    tenure: Tenure, rows: LabelledAnswers, successor: str, *, is_loss_new: bool = False
) -> list[tuple[int, ShortfallEnd]]:
    """The end of the alarm there is about the champion, with the first of the rows."""
    if not tenure.alarm:
        return []
    return [(int(rows.index[0]), ShortfallEnd(tenure.version, _name(tenure), successor, is_loss_new))]


def _name(tenure: Tenure) -> str:
    return "the baseline" if tenure.is_baseline else f"version {tenure.name or tenure.version}"
