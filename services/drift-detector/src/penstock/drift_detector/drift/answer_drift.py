"""Drift in the champion's answers: of their losses (concept drift), and of the model outputs (prediction drift)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from penstock.bus.state.unit_state import State
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.predictions import PredictionData
from penstock.drift_detector.drift.loss_detectors import LossDetectors, LossRise, LossSettings
from penstock.drift_detector.drift.loss_trend import LossTrend
from penstock.drift_detector.drift.series_detectors import Alarm, DetectorSettings, SeriesDetectors
from penstock.drift_detector.watched_loss import WatchedLoss, watched_loss
from penstock.ml.drift.detectors import DETECTORS
from penstock.ml.metrics import LARGEST_LOSS

OUTPUT_DETECTOR = "adwin"

_EPOCH = b"2e"
_UNIT = b"2m"


@dataclass(frozen=True, slots=True)
class AnswerDrift:
    """A change in the losses (`concept`) or model outputs (`prediction`) of an epoch, and the rise of the loss.

    `label`: of the losses of cases with that label; None: of all.
    """

    kind: Literal["concept", "prediction"]
    epoch: int
    alarm: Alarm | LossRise
    loss_rise: float | None
    label: str | None = None


def model_output(answer: PredictionData) -> float | None:
    """The answer as one number: the largest probability, or the value of a regression; None without either."""
    if answer.probabilities:
        return max(answer.probabilities)
    return None if isinstance(answer.value, str) else min(max(answer.value, -LARGEST_LOSS), LARGEST_LOSS)


class AnswerDriftDetector:
    """Observes the joined outcomes of the newest epoch's champion. Baseline answers are left out.

    The losses, by the objective, are one series over all epochs: a model promoted just before the world changes has no
    past of its own to compare with. With another objective they begin anew. Model outputs mean something else with
    every model, so their series starts anew with each epoch.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        epoch = state.get(_EPOCH)
        self._epoch = -1 if epoch is None else int(epoch)
        self._unit = (state.get(_UNIT) or b"").decode()  # of the losses that are kept
        self._loss_detectors = LossDetectors(state)
        self._output_detectors = SeriesDetectors(state, b"2s", "both")
        self._trend = LossTrend(state)
        self._positive: str | None = None
        self._observed: list[int] = []  # indices of the newest batch whose losses were observed

    def configure(self, declaration: Declaration) -> None:
        """Use the declared detectors; those for 0/1 losses only are left out of a regression."""
        is_regression, seed = declaration.task == "regression", declaration.models.seed
        names = tuple(name for name in declaration.drift.detectors if not (is_regression and DETECTORS[name].binary))
        loss = WatchedLoss.of(declaration)
        self._begin_unit(loss.unit, "absolute_error" if is_regression else "error")
        self._loss_detectors.configure(LossSettings(names, seed, loss))
        self._positive = declaration.positive_class
        self._output_detectors.configure(DetectorSettings((OUTPUT_DETECTOR,), seed, not is_regression))

    def update(self, declaration: Declaration, outcomes: Sequence[Outcome[Any]]) -> list[tuple[int, AnswerDrift]]:
        """Observe a batch of first outcomes; drifts with the index of the outcome that fired them."""
        self._observed = []
        losses: list[float] = []
        outputs: list[tuple[int, float]] = []
        output_alarms: list[tuple[int, int, Alarm]] = []  # index, epoch, alarm
        for index, outcome in enumerate(outcomes):
            answer = outcome.data.answer
            if answer.epoch > self._epoch:
                output_alarms += self._observe_outputs(outputs)
                outputs = []
                self._epoch = answer.epoch
                self._output_detectors.restart()
            if answer.epoch < self._epoch or answer.baseline or answer.arm != "champion":
                continue
            if (loss := watched_loss(declaration, outcome.data)) is None:
                continue
            self._observed.append(index)
            losses.append(loss)
            if (output := model_output(answer)) is not None:
                outputs.append((index, output))
        output_alarms += self._observe_outputs(outputs)
        loss_drifts = self._observe_losses(outcomes, losses)
        output_drifts = [
            (index, AnswerDrift("prediction", epoch, alarm, self.loss_rise_at(index)))
            for index, epoch, alarm in output_alarms
        ]
        return sorted(output_drifts + loss_drifts, key=lambda drift: (drift[0], drift[1].kind))

    def loss_rise_at(self, index: int) -> float | None:
        """How much the loss had risen with the outcome at `index` of the newest batch; None with too few of them."""
        return self._trend.rise(len(self._observed) - bisect_right(self._observed, index))

    @property
    def loss_rise(self) -> float | None:
        """How much the loss has risen by now."""
        return self._trend.rise()

    def save(self) -> None:
        """Write everything to the state."""
        self._state.put(_EPOCH, b"%d" % self._epoch)
        self._state.put(_UNIT, self._unit.encode())
        self._loss_detectors.save()
        self._output_detectors.save()
        self._trend.save()

    def _begin_unit(self, unit: str, earlier: str) -> None:
        """Forget losses of another unit; where none is stored, a release before has stored losses of the `earlier`."""
        if unit != (self._unit or earlier):
            self._loss_detectors.restart()
            self._trend.restart()
        self._unit = unit

    def _observe_outputs(self, outputs: Sequence[tuple[int, float]]) -> list[tuple[int, int, Alarm]]:
        alarms = self._output_detectors.update([output for _, output in outputs])
        return [(outputs[position][0], self._epoch, alarm) for position, alarm in alarms]

    def _observe_losses(
        self, outcomes: Sequence[Outcome[Any]], losses: Sequence[float]
    ) -> list[tuple[int, AnswerDrift]]:
        self._trend.extend(losses)
        positives = [self._is_positive(outcomes[index]) for index in self._observed]
        drifts = []
        for position, rise in self._loss_detectors.update(losses, positives):
            index = self._observed[position]
            label = self._positive if rise.of_positives else None
            epoch, hurts = outcomes[index].data.answer.epoch, rise.mean - rise.earlier_mean
            drifts.append((index, AnswerDrift("concept", epoch, rise, hurts, label)))
        return drifts

    def _is_positive(self, outcome: Outcome[Any]) -> bool:
        return self._positive is not None and outcome.data.label == self._positive
