"""A fitted model and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from penstock.ml.encoding import Encoder
from penstock.ml.frame import Frame

Task = Literal["binary", "multiclass", "regression"]


class UnusableAnswer(ValueError):
    """An estimator answered NaN, infinity, or something of the wrong shape.

    `index` is the first row concerned.
    """

    def __init__(self, index: int, what: str) -> None:
        super().__init__(f"the model's answer for row {index} cannot be used: {what}")
        self.index = index


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a model answers to n rows.

    `values` holds the canonical text of a class, or a finite float for regression; `probabilities`
    is (n, k) with columns as in the model's `classes`, None for regression.
    """

    values: list[str] | list[float]
    probabilities: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        """Number of rows answered."""
        return len(self.values)


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

    def predict(self, frame: Frame) -> Answers:
        """Answer each of n rows.

        Raises UnusableAnswer when the estimator's answer is not finite or misshapen, WrongFields
        when the frame lacks a field.
        """
        if self.task == "regression":
            return Answers(self._numbers(frame).tolist())
        probabilities = self._probabilities(frame)
        texts = np.array(self.classes, dtype=object)
        return Answers(texts[probabilities.argmax(axis=1)].tolist(), probabilities)

    def _numbers(self, frame: Frame) -> NDArray[np.float64]:
        if not len(frame):
            return np.empty(0)
        numbers = np.asarray(self.estimator.predict(self.encoder.transform(frame)), dtype=np.float64)
        return _usable(numbers, (len(frame),))

    def _probabilities(self, frame: Frame) -> NDArray[np.float64]:
        probabilities = np.zeros((len(frame), len(self.classes)))
        if not len(frame):
            return probabilities
        answered = np.asarray(self.estimator.predict_proba(self.encoder.transform(frame)), dtype=np.float64)
        known = self.estimator.classes_
        probabilities[:, known] = _usable(answered, (len(frame), len(known)))
        return probabilities


def _usable(answers: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    if answers.shape != shape:
        raise UnusableAnswer(0, f"its shape is {answers.shape}, expected {shape}")
    finite = np.isfinite(answers)
    if not finite.all():
        raise UnusableAnswer(int(np.argwhere(~finite)[0, 0]), "it is not a finite number")
    return answers
