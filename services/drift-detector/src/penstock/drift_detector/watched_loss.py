"""The loss of the champion's answers that detectors watch: that of the objective, and by which law it is watched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.outcomes import OutcomeData
from penstock.drift_detector.answer_loss import answer_loss, loss_name
from penstock.ml.drift.change_scan import Law
from penstock.ml.drift.rise_detector import LARGEST_LOG_LOSS


@dataclass(frozen=True, slots=True)
class WatchedLoss:
    """A loss and its `law`; errors and costs lie between `least` and `largest`.

    Losses of one `unit` are of one series: those of another cannot be compared with them.
    """

    unit: str
    law: Law
    least: float = 0.0
    largest: float = 1.0

    @classmethod
    def of(cls, declaration: Declaration) -> WatchedLoss:
        """The loss of a stream: that of its objective; without one errors, or absolute errors."""
        name, objective = loss_name(declaration), declaration.objective
        if declaration.task == "regression":
            return cls(f"{name} {objective.quantile}" if objective and name == "pinball" else name, "exponential")
        if name == "log_loss":
            return cls(name, "log_loss")
        costs = objective.costs if objective is not None else None
        if costs is None:
            return cls(name, "bernoulli")
        values = [cost for answers in costs.values() for cost in answers.values()]
        return cls(f"{name} {sorted(costs.items())}", "bernoulli", min(0.0, *values), max(0.0, *values))

    def scaled(self, losses: Sequence[float]) -> Sequence[float]:
        """The losses as a `RiseDetector` takes them: errors and costs in [0, 1], others as they are."""
        if (self.least, self.largest) == (0.0, 1.0):
            return losses
        span = self.largest - self.least or 1.0
        return [min(max((loss - self.least) / span, 0.0), 1.0) for loss in losses]

    @property
    def law_of_positives(self) -> Law:
        """The law by which positive cases are watched: of log losses they are too few for moments."""
        return "bernoulli" if self.law == "log_loss" else self.law

    def of_positives(self, losses: Sequence[float]) -> Sequence[float]:
        """Losses of positive cases by that law: of log losses, whether positive had less than half the probability."""
        return [float(loss > log(2)) for loss in losses] if self.law == "log_loss" else self.scaled(losses)


def watched_loss(declaration: Declaration, outcome: OutcomeData[object]) -> float | None:
    """What an answer loses, as detectors watch it; None where that is unknown, as it is without a label.

    A log loss is at most `LARGEST_LOG_LOSS`. An answer that came without probabilities is taken to be certain.
    """
    answer, label = outcome.answer, outcome.label
    if label is None:
        return None
    if loss_name(declaration) != "log_loss":
        return answer_loss(declaration, answer.value, None, label)
    if not answer.probabilities:
        return LARGEST_LOG_LOSS * (answer.value != label)
    loss = answer_loss(declaration, answer.value, answer.probabilities, label)
    return None if loss is None else min(loss, LARGEST_LOG_LOSS)
