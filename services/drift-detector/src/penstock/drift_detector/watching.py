"""Watches the answers of the model that serves: their losses for concept drift, their scores for prediction drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from penstock.bus.state import State
from penstock.contracts.declaration import Declaration
from penstock.contracts.outcomes import Outcome
from penstock.contracts.predictions import PredictionData
from penstock.drift_detector.quality import LARGEST_LOSS
from penstock.drift_detector.watch import Setup, Tip, Watch
from penstock.ml.drift.detectors import DETECTORS

SCORE_DETECTOR = "adwin"

_EPOCH = b"2e"


@dataclass(frozen=True, slots=True)
class Noticed:
    """A change in the losses (`concept`) or in the scores (`prediction`) under an epoch."""

    kind: Literal["concept", "prediction"]
    epoch: int
    tip: Tip


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

    def set_up(self, declaration: Declaration) -> None:
        """Watch as declared. Detectors that take only 0 and 1 have nothing to say of a regression."""
        bounded, seed = declaration.task != "regression", declaration.models.seed
        names = tuple(name for name in declaration.drift.detectors if bounded or not DETECTORS[name].binary)
        self._losses.set_up(Setup(names, seed, bounded))
        self._scores.set_up(Setup((SCORE_DETECTOR,), seed, bounded))

    def take(self, outcome: Outcome[Any], loss: float | None) -> list[Noticed]:
        """Take in the first outcome of an event: what it gives away."""
        answer = outcome.data.prediction
        if answer.epoch > self._epoch:
            self._epoch = answer.epoch
            self._scores.restart()
        if loss is None or answer.epoch < self._epoch or answer.baseline or answer.arm != "champion":
            return []
        score = score_of(answer)
        noticed = [Noticed("concept", self._epoch, tip) for tip in self._losses.feed(loss)]
        if score is not None:
            noticed += [Noticed("prediction", self._epoch, tip) for tip in self._scores.feed(score)]
        return noticed

    def save(self) -> None:
        """Hand everything over to the state."""
        self._state.put(_EPOCH, b"%d" % self._epoch)
        self._losses.save()
        self._scores.save()
