"""A fitted model and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.encoding import Encoder
from penstock.ml.features.frame import Field, Frame

Task = Literal["binary", "multiclass", "regression"]


class UnusableAnswer(ValueError):
    """An estimator answered NaN, infinity, or something of the wrong shape.

    `index` is the first row concerned.
    """

    def __init__(self, index: int, what: str) -> None:
        super().__init__(f"the model's answer for row {index} cannot be used: {what}")
        self.index = index


@dataclass(frozen=True, slots=True, eq=False)
class ModelOutput:
    """What a model answers to n rows.

    `values` holds the canonical text of a class, or a finite float for regression; `probabilities`
    is (n, k) with columns as in the model's `classes`, None for regression. `said` is what the m experts of a blend
    said, shape (n, m, k).
    """

    values: list[str] | list[float]
    probabilities: NDArray[np.float64] | None = None
    said: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        """Number of rows answered."""
        return len(self.values)


class Fused(Protocol):
    """The answers of an estimator, computed from a frame's columns at a fraction of the cost."""

    name: str

    def __call__(self, frame: Frame) -> NDArray[np.float64]:
        """What the estimator's `predict` or `predict_proba` would answer to n rows."""

    def edges(self) -> dict[str, list[float]]:
        """Values of number fields at which the answers bend or jump: where to look for mistakes."""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """How a model computes: by `fused` in place of the estimator `of`, or as it is, for the `reason`."""

    fused: Fused | None
    of: Any
    reason: str | None = None


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted model: an encoder and an estimator that speaks scikit-learn's `predict` or `predict_proba`.

    `classes` are canonical texts, empty for regression; the estimator's own `classes_` are indices
    into them, so that a class absent from the training rows simply has probability 0.
    """

    family: str
    task: Task
    classes: tuple[str, ...]
    encoder: Encoder
    estimator: Any
    details: dict[str, Any] = field(default_factory=dict)
    form: Form | None = None

    @property
    def inputs(self) -> tuple[Field, ...]:
        """The columns that a frame must hold."""
        return self.encoder.fields

    @property
    def fused(self) -> str | None:
        """The name of the fused form that answers, None while the estimator itself does."""
        return None if self._fused is None else self._fused.name

    @property
    def unfused(self) -> str | None:
        """Why the estimator itself answers, None when a fused form does."""
        if self._fused is not None:
            return None
        return self.form.reason if self.form is not None and self.form.reason else "it was never tried"

    def predict(self, frame: Frame) -> ModelOutput:
        """Answer each of n rows.

        Raises UnusableAnswer when the estimator's answer is not finite or misshapen, WrongFields
        when the frame lacks a field.
        """
        if self.task == "regression":
            return ModelOutput(self._answered(frame, (len(frame),)).tolist())
        probabilities = self._probabilities(frame)
        return ModelOutput(self._texts[probabilities.argmax(axis=1)].tolist(), probabilities)

    def asked(self, frame: Frame) -> NDArray[np.float64]:
        """What the estimator itself answers to n rows, as it answers it."""
        ask = self.estimator.predict if self.task == "regression" else self.estimator.predict_proba
        return np.asarray(ask(self.encoder.transform(frame)), dtype=np.float64)

    @cached_property
    def _fused(self) -> Fused | None:
        """None too when the model was since given another estimator than the one the form stands for."""
        return self.form.fused if self.form is not None and self.form.of is self.estimator else None

    @cached_property
    def _texts(self) -> NDArray[Any]:
        return np.array(self.classes, dtype=object)

    @cached_property
    def _known(self) -> NDArray[np.intp] | None:
        """Indices of the classes that the estimator knows; None when these are all, in order."""
        known = np.asarray(self.estimator.classes_)
        return None if np.array_equal(known, np.arange(len(self.classes))) else known

    def _probabilities(self, frame: Frame) -> NDArray[np.float64]:
        if self._known is None:
            return self._answered(frame, (len(frame), len(self.classes)))
        probabilities = np.zeros((len(frame), len(self.classes)))
        probabilities[:, self._known] = self._answered(frame, (len(frame), len(self._known)))
        return probabilities

    def _answered(self, frame: Frame, shape: tuple[int, ...]) -> NDArray[np.float64]:
        if not len(frame):
            return np.empty(shape)
        return _usable(self.asked(frame) if self._fused is None else self._fused(frame), shape)


def _usable(answers: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    if answers.shape != shape:
        raise UnusableAnswer(0, f"its shape is {answers.shape}, expected {shape}")
    finite = np.isfinite(answers)
    if not finite.all():
        raise UnusableAnswer(int(np.argwhere(~finite)[0, 0]), "it is not a finite number")
    return answers
