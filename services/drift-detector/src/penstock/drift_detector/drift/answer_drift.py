"""Watches the answers of the model that serves: their losses for concept drift, their scores for prediction drift."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from penstock.bus.state.state import State
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.predictions import PredictionData
from penstock.drift_detector.drift.loss_trend import LossTrend
from penstock.drift_detector.drift.series_detectors import Setup, Tip, Watch
from penstock.drift_detector.losses import LARGEST_LOSS
from penstock.ml.drift.detectors import DETECTORS

SCORE_DETECTOR = "adwin"

_EPOCH = b"2e"


@dataclass(frozen=True, slots=True)
class Noticed:
    """A change in the losses (`concept`) or in the scores (`prediction`) under an epoch, and what it seems to cost."""

    kind: Literal["concept", "prediction"]
    epoch: int
    tip: Tip
    hurts: float | None = None


def score_of(answer: PredictionData) -> float | None:
    """The answer as one number: the largest probability, or the value of a regression; None without either."""
    if answer.probabilities:
        return max(answer.probabilities)
    return None if isinstance(answer.value, str) else min(max(answer.value, -LARGEST_LOSS), LARGEST_LOSS)


class AnswerWatch:
    """Fed with the joined outcomes of the highest epoch. Baseline answers are not fed.

    The losses are one series over all epochs: a model promoted just before the world changes has no past of its own
    against which the change would show. Scores mean something else with every model, so they start anew.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        epoch = state.get(_EPOCH)
        self._epoch = -1 if epoch is None else int(epoch)
        self._losses = Watch(state, b"2l", "up")
        self._scores = Watch(state, b"2s", "both")
        self._trend = LossTrend(state)
        self._watched: list[int] = []  # places of the newest batch whose losses were taken in

    def set_up(self, declaration: Declaration) -> None:
        """Watch as declared. Detectors that take only 0 and 1 have nothing to say of a regression."""
        bounded, seed = declaration.task != "regression", declaration.models.seed
        names = tuple(name for name in declaration.drift.detectors if bounded or not DETECTORS[name].binary)
        self._losses.set_up(Setup(names, seed, bounded))
        self._scores.set_up(Setup((SCORE_DETECTOR,), seed, bounded))

    def take(self, outcomes: Sequence[Outcome[Any]], losses: Sequence[float | None]) -> list[tuple[int, Noticed]]:
        """Take in the first outcomes of events with their losses: what they give away, with the place that did it."""
        watched: list[int] = []
        scores: list[tuple[int, float]] = []
        noticed: list[tuple[int, Noticed]] = []
        for place, (outcome, loss) in enumerate(zip(outcomes, losses, strict=True)):
            answer = outcome.data.answer
            if answer.epoch > self._epoch:
                noticed += self._scored(scores)
                scores = []
                self._epoch = answer.epoch
                self._scores.restart()
            if loss is None or answer.epoch < self._epoch or answer.baseline or answer.arm != "champion":
                continue
            watched.append(place)
            if (score := score_of(answer)) is not None:
                scores.append((place, score))
        noticed += self._scored(scores)
        known = [losses[place] or 0.0 for place in watched]
        self._watched = watched
        self._trend.extend(known)
        noticed = [(place, replace(one, hurts=self.rise_at(place))) for place, one in noticed]
        for fed, tip in self._losses.feed(known):
            place = watched[fed]
            epoch = outcomes[place].data.answer.epoch
            noticed.append((place, Noticed("concept", epoch, tip, tip.now - tip.before)))
        return sorted(noticed, key=lambda one: (one[0], one[1].kind))

    def rise_at(self, place: int) -> float | None:
        """How much the loss had risen with the outcome at a place of the newest batch; None without enough of them."""
        return self._trend.rise(len(self._watched) - bisect_right(self._watched, place))

    @property
    def rise(self) -> float | None:
        """How much the loss has risen by now."""
        return self._trend.rise()

    def _scored(self, scores: Sequence[tuple[int, float]]) -> list[tuple[int, Noticed]]:
        """What scores of one epoch give away, each with the place of its outcome."""
        tips = self._scores.feed([score for _, score in scores])
        return [(scores[fed][0], Noticed("prediction", self._epoch, tip)) for fed, tip in tips]

    def save(self) -> None:
        """Hand everything over to the state."""
        self._state.put(_EPOCH, b"%d" % self._epoch)
        self._losses.save()
        self._scores.save()
        self._trend.save()
