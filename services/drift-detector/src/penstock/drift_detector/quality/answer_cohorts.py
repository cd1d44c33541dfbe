"""Losses of the answers in a rollout, cohort by cohort: they count when the labels of all classes for it are known.

Where labels of one class come later than those of another, the labels that are there first are of one class, and tell
the models apart by that class alone. So the answers to events of a time wait until labels for events that much later
than the latest class is late have come. Where all labels come equally late, nothing waits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec
from msgspec import UNSET, Struct

from penstock.bus.state.unit_state import State
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.monitoring import CohortLosses
from penstock.contracts.records.outcomes import Outcome
from penstock.drift_detector.answer_loss import answer_loss, loss_name
from penstock.drift_detector.event_time import LONG_AGO, to_microseconds
from penstock.drift_detector.quality.label_lateness import LabelLateness
from penstock.ml.metrics.confidence_sequences import Moments
from penstock.ml.metrics.objective import WEIGHS_CLASSES_ALIKE

MAX_COHORTS = 200  # that wait; more are merged by twos

_KEY = b"2k"


class ArmKey(NamedTuple):
    """Whose losses: a version that answered in an epoch, or a shadow beside the answers of `against`."""

    epoch: int
    version: int
    role: Literal["champion", "challenger", "shadow"]
    against: int | None = None


Losses = dict[ArmKey, Moments]


class Cohort(Struct, array_like=True):
    """The losses of answers to events up to the time `until`, in microseconds, and after the cohort before."""

    until: int
    losses: Losses


class _Stored(Struct, array_like=True):
    lateness: LabelLateness
    complete_until: int
    complete: Losses
    waiting: list[Cohort]


class AnswerCohorts:
    """The cohorts that wait, and the losses of those that are complete and not yet taken."""

    def __init__(self, state: State) -> None:
        self._state = state
        stored = state.get(_KEY)
        kept = msgspec.msgpack.decode(stored, type=_Stored) if stored else _Stored(LabelLateness(), LONG_AGO, {}, [])
        self._lateness, self._complete_until = kept.lateness, kept.complete_until
        self._complete, self._waiting = kept.complete, kept.waiting

    def add(self, declaration: Declaration, outcomes: list[Outcome[object]]) -> None:
        """Add the first outcomes of some events; those without a label, and outside of a rollout, lose nothing here."""
        for outcome in outcomes:
            label = outcome.data.label
            if label is not None:
                time = to_microseconds(outcome.time)
                self._lateness.add(time, label)
                if outcome.data.answer.shadow is not UNSET:
                    self._add(time, self._losses(declaration, outcome, label))

    def take_complete(self, declaration: Declaration) -> tuple[CohortLosses, ...]:
        """The losses of the answers whose cohorts have become complete since the last call."""
        self._complete_until = max(self._complete_until, int(self._lateness.newest - self._lateness.longest))
        while self._waiting and self._waiting[0].until <= self._complete_until:
            for key, moments in self._waiting.pop(0).losses.items():
                _add_to(self._complete, key, moments)
        complete, self._complete = self._complete, {}
        name = loss_name(declaration)
        return tuple(_record(name, key, moments) for key, moments in sorted(complete.items(), key=_order))

    def save(self) -> None:
        """Write all that is kept to the state."""
        stored = _Stored(self._lateness, self._complete_until, self._complete, self._waiting)
        self._state.put(_KEY, msgspec.msgpack.encode(stored))

    def _losses(
        self, declaration: Declaration, outcome: Outcome[object], label: str | float
    ) -> Iterator[tuple[ArmKey, float]]:
        """The losses of one outcome: of its answer, and of each shadow the difference."""
        answer = outcome.data.answer
        loss = answer_loss(declaration, answer.value, answer.probabilities, label)
        if loss is None:
            return
        weight = self._lateness.weight(label) if declaration.metric in WEIGHS_CLASSES_ALIKE else 1.0
        yield ArmKey(answer.epoch, answer.version, answer.arm), loss * weight
        for shadow in answer.shadow or ():
            if shadow.value is None:
                continue
            other = answer_loss(declaration, shadow.value, shadow.probabilities or None, label)
            if other is not None:
                yield ArmKey(answer.epoch, shadow.version, "shadow", answer.version), (other - loss) * weight

    def _add(self, time: int, losses: Iterator[tuple[ArmKey, float]]) -> None:
        into = self._complete if time <= self._complete_until else self._cohort_at(time).losses
        for key, loss in losses:
            _add_to(into, key, Moments(1, loss, 0.0))

    def _cohort_at(self, time: int) -> Cohort:
        """The waiting cohort of this time; a new one behind all others."""
        index = bisect_left(self._waiting, time, key=lambda cohort: cohort.until)
        if index == len(self._waiting):
            if index == MAX_COHORTS:
                self._waiting = [_merged(*self._waiting[at : at + 2]) for at in range(0, index, 2)]
            self._waiting.append(Cohort(time, {}))
        return self._waiting[min(index, len(self._waiting) - 1)]


def _merged(first: Cohort, second: Cohort) -> Cohort:
    for key, moments in first.losses.items():
        _add_to(second.losses, key, moments)
    return second


def _add_to(losses: Losses, key: ArmKey, moments: Moments) -> None:
    kept = losses.get(key)
    losses[key] = moments if kept is None else kept + moments


def _order(item: tuple[ArmKey, Moments]) -> tuple[int, int, str, int]:
    epoch, version, role, against = item[0]
    return epoch, version, role, -1 if against is None else against


def _record(loss: str, key: ArmKey, moments: Moments) -> CohortLosses:
    losses = LossMoments(loss=loss, rows=moments.n, mean=moments.mean, squares=moments.squares)
    return CohortLosses(epoch=key.epoch, version=key.version, role=key.role, against=key.against, losses=losses)
