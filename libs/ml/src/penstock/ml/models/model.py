"""A fitted model and its output."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.class_index import ClassIndex
from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Field, Frame
from penstock.ml.features.task import Task
from penstock.ml.models.calibration import Calibration, calibrated
from penstock.ml.models.decision_costs import DecisionCosts, decided_classes
from penstock.ml.models.frame_estimator import FrameEstimator


class UnusableAnswer(ValueError):
    """An estimator answered NaN, infinity, or something of the wrong shape.

    `index` is the first row concerned.
    """

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"the model's answer for row {index} cannot be used: {reason}")
        self.index = index


@dataclass(frozen=True, slots=True, eq=False)
class ModelOutput:
    """A model's answers to n rows.

    `values` holds the canonical text of a class, or a finite float for regression; `probabilities` is (n, k) with
    columns as in the model's `classes`, None for regression. A blend adds `expert_outputs`, shape (n, m, k): the class
    probabilities or the number of each of its m experts and forecasters.
    """

    values: list[str] | list[float]
    probabilities: NDArray[np.float64] | None = None
    expert_outputs: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.values)

    def numbers(self, width: int) -> NDArray[np.float64]:
        """Class probabilities, or the numbers of a regression, as one array of shape (n, width)."""
        rows = self.values if self.probabilities is None else self.probabilities
        return np.asarray(rows, dtype=np.float64).reshape(len(self), width)


class FusedForm(Protocol):
    """A faster form of an estimator: the same numbers, computed from a frame's columns."""

    name: str

    def __call__(self, frame: Frame) -> NDArray[np.float64]:
        """The numbers that the estimator's `predict` or `predict_proba` gives for n rows."""

    def edges(self) -> dict[str, list[float]]:
        """Values of number fields at which the output bends or jumps: where to look for mistakes."""


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """The result of fusing: a `fused` form of the `estimator`, or the `reason` why there is none."""

    fused: FusedForm | None
    estimator: Any
    reason: str | None = None


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted model: an encoder and an estimator with scikit-learn's `predict` or `predict_proba`.

    An estimator that was not fitted here reads the frame by itself (`FrameEstimator`).

    `classes` are canonical texts, empty for regression; the estimator's own `classes_` are indices into them.
    `smoothing` is the share of the probability that is spread over all classes alike: after n training rows that of one
    more row, 1 / (n + 1), so that nothing is impossible which n rows cannot rule out. A `calibration` is applied after
    it. With `decision_costs` it answers the class of least expected cost, without the likeliest; they change no
    probability.
    """

    family: str
    task: Task
    classes: tuple[str, ...]
    encoder: Encoder
    estimator: Any
    details: dict[str, Any] = field(default_factory=dict)
    fusion: Fusion | None = None
    smoothing: float = 0.0
    decision_costs: DecisionCosts | None = None
    calibration: Calibration | None = None

    @property
    def inputs(self) -> tuple[Field, ...]:
        """The columns that a frame must hold."""
        return self.encoder.fields

    @property
    def fused(self) -> str | None:
        """The name of the fused form that answers, None while the estimator itself does."""
        return None if self._fused_form is None else self._fused_form.name

    @property
    def unfused_reason(self) -> str | None:
        """Why the estimator itself answers, None when a fused form does."""
        if self._fused_form is not None:
            return None
        return self.fusion.reason if self.fusion is not None and self.fusion.reason else "it was never tried"

    def predict(self, frame: Frame) -> ModelOutput:
        """Answer each of n rows.

        Raises:
            UnusableAnswer: the estimator's output is not finite or misshapen.
            WrongFields: the frame lacks a field.
        """
        if self.task == "regression":
            return ModelOutput(self._checked_output(frame, (len(frame),)).tolist())
        probabilities = calibrated(self._class_probabilities(frame), self.calibration)
        answers = decided_classes(probabilities, self.decision_costs)
        return ModelOutput(self.class_index.labels(answers), probabilities)

    def estimator_output(self, frame: Frame) -> NDArray[np.float64]:
        """What the estimator itself gives for n rows: probabilities of its own classes, or numbers."""
        if isinstance(self.estimator, FrameEstimator):
            return self.estimator.answer_frame(frame)
        predict = self.estimator.predict if self.task == "regression" else self.estimator.predict_proba
        return np.asarray(predict(self.encoder.transform(frame)), dtype=np.float64)

    @cached_property
    def class_index(self) -> ClassIndex:
        """The numbers of the labels."""
        return ClassIndex(self.classes)

    @cached_property
    def _fused_form(self) -> FusedForm | None:
        """None also when the model was given another estimator since it was fused."""
        return self.fusion.fused if self.fusion is not None and self.fusion.estimator is self.estimator else None

    @cached_property
    def _fitted_classes(self) -> NDArray[np.intp] | None:
        """Indices of the classes that the estimator was fitted on; None when these are all, in order."""
        fitted = np.asarray(self.estimator.classes_)
        return None if np.array_equal(fitted, np.arange(len(self.classes))) else fitted

    def _class_probabilities(self, frame: Frame) -> NDArray[np.float64]:
        probabilities = self._probabilities_of_estimator(frame)
        if not self.smoothing:
            return probabilities
        return probabilities * (1 - self.smoothing) + self.smoothing / len(self.classes)

    def _probabilities_of_estimator(self, frame: Frame) -> NDArray[np.float64]:
        if self._fitted_classes is None:
            return self._checked_output(frame, (len(frame), len(self.classes)))
        probabilities = np.zeros((len(frame), len(self.classes)))
        probabilities[:, self._fitted_classes] = self._checked_output(frame, (len(frame), len(self._fitted_classes)))
        return probabilities

    def _checked_output(self, frame: Frame, shape: tuple[int, ...]) -> NDArray[np.float64]:
        if not len(frame):
            return np.empty(shape)
        output = self.estimator_output(frame) if self._fused_form is None else self._fused_form(frame)
        _check_output(output, shape)
        return output


def _check_output(output: NDArray[np.float64], shape: tuple[int, ...]) -> None:
    if output.shape != shape:
        raise UnusableAnswer(0, f"its shape is {output.shape}, expected {shape}")
    finite = np.isfinite(output)
    if not finite.all():
        raise UnusableAnswer(int(np.argwhere(~finite)[0, 0]), "it is not a finite number")
