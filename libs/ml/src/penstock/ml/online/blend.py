"""A champion that goes on learning: frozen models and additive ones, weighed by how they did, outcome by outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.class_index import ClassIndex
from penstock.ml.features.encoding import Encoder
from penstock.ml.features.frame import Field, Frame
from penstock.ml.features.lag_features import LabelHistory, Lags
from penstock.ml.models.model import Model, ModelOutput, Task
from penstock.ml.online.additive import Additive
from penstock.ml.online.column_bins import Steps
from penstock.ml.online.expert_mixture import Mixture

BLEND = "blend"

RATES = (0.1, 0.01, 0.001)  # a memory of tens, hundreds and thousands of outcomes
PAIR_RATES = (0.005,)
Places = Sequence[NDArray[np.intp]]
"""For each group, where each of n rows has its weights."""

DIGITS = 4  # of what experts said, as predictions carry it


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Additive models over the encoder's columns, and with `lagged` over what was known, too."""

    models: Additive
    lagged: bool


@dataclass(eq=False)
class Blend:
    """Answers what `mixture` makes of the `frozen` models and the groups; `learn` folds outcomes into all but the frozen.

    `classes` are canonical texts, empty for regression. `learnt_to` is the offset of the first outcome that is not
    folded, here and in `known`. The frozen models may ask for what was known, by the names that `lags` gives.
    """

    task: Task
    classes: tuple[str, ...]
    encoder: Encoder
    lags: Lags
    frozen: tuple[Model, ...]
    groups: tuple[Group, ...]
    mixture: Mixture
    known: LabelHistory
    learnt_to: int = 0
    details: dict[str, Any] = field(default_factory=dict)

    family = BLEND

    @property
    def inputs(self) -> tuple[Field, ...]:
        """The columns that a frame must hold: the encoder's fields and what was known."""
        return (*self.encoder.fields, *self.lags.fields)

    @property
    def width(self) -> int:
        """Numbers an expert answers per row: one per class, or one."""
        return len(self.classes) or 1

    def predict(self, frame: Frame) -> ModelOutput:
        """Answer each of n rows.

        Raises UnusableAnswer when a frozen model's answer is not finite, WrongFields when the frame lacks a field.
        """
        said = self.experts(self.answers_of_frozen(frame), self.places(frame))
        return self.answers(self.mixture.answer(said), said)

    def answers(self, mixed: NDArray[np.float64], said: NDArray[np.float64] | None = None) -> ModelOutput:
        """What was made of n rows, shape (n, k), as answers; `said` by the experts, shape (n, m, k)."""
        if self.task == "regression":
            return ModelOutput(mixed[:, 0].tolist(), None, said)
        return ModelOutput(self._texts[mixed.argmax(axis=1)].tolist(), mixed, said)

    def answers_of_frozen(self, frame: Frame) -> NDArray[np.float64]:
        """What each of f frozen models answers to n rows, shape (n, f, k)."""
        said = np.empty((len(frame), len(self.frozen), self.width))
        for place, model in enumerate(self.frozen):
            answers = model.predict(frame)
            numbers = answers.values if answers.probabilities is None else answers.probabilities
            said[:, place] = np.asarray(numbers, dtype=np.float64).reshape(len(frame), self.width)
        return said

    def places(self, frame: Frame) -> Places:
        """Where n rows have their weights, for each group."""
        matrices = matrices_of(self.encoder, self.lags, frame)
        return [group.models.steps.places(matrices[group.lagged]) for group in self.groups]

    def experts(self, frozen: NDArray[np.float64], places: Places) -> NDArray[np.float64]:
        """What all experts say to n rows, the frozen ones first, and what the mixture makes of it: (n, m, k)."""
        grown = [group.models.answer(rows) for group, rows in zip(self.groups, places, strict=True)]
        return self.mixture.weigh(np.concatenate([frozen, *grown], axis=1))

    def learn(self, places: Places, said: NDArray[np.float64], targets: NDArray[np.float64]) -> None:
        """Fold n outcomes in order: the rows, what had been said to them (NaN: nothing), and what came true.

        `targets` holds indices of `classes`, or numbers; shape (n,).
        """
        self.mixture.learn(said, targets)
        for group, rows in zip(self.groups, places, strict=True):
            group.models.learn(rows, targets)

    def written(self, said: NDArray[np.float64]) -> list[list[float]]:
        """What experts said to n rows as predictions carry it: m numbers a row, or m times the classes but the first."""
        told = said[..., 1:] if self.classes else said
        return np.round(told, DIGITS).reshape(len(said), -1).tolist()

    def read(self, written: Sequence[Sequence[float] | None]) -> NDArray[np.float64]:
        """What `written` said, shape (n, m, k); NaN for rows that say nothing, or what other experts said."""
        m, told = self.mixture.size, max(self.width - 1, 1)
        blank = [np.nan] * (m * told)
        rows = [row if row is not None and len(row) == m * told else blank for row in written]
        numbers = np.array(rows, dtype=np.float64).reshape(len(rows), m, told)
        if not self.classes:
            return numbers
        return np.concatenate([1 - numbers.sum(axis=2, keepdims=True), numbers], axis=2)

    def number_of(self, label: str | float) -> float | None:
        """A label as `learn` and `known` want it; None for a class that the blend does not know."""
        return self._class_index.number(label)

    @cached_property
    def _texts(self) -> NDArray[Any]:
        return np.array(self.classes, dtype=object)

    @cached_property
    def _class_index(self) -> ClassIndex:
        return ClassIndex(self.classes)


def matrices_of(encoder: Encoder, lags: Lags, frame: Frame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matrices of n rows: without and with what was known."""
    plain = encoder.transform(frame)
    if not lags.fields:
        return plain, plain
    known = [np.asarray(frame.columns[field.name], dtype=np.float64) for field in lags.fields]
    return plain, np.column_stack([plain, *known])


def new_groups(
    encoder: Encoder, lags: Lags, frame: Frame, targets: NDArray[np.float64], classes: int
) -> tuple[Group, ...]:
    """Additive models that have learnt nothing yet, with bins for the rows and, for numbers, their centre and spread."""
    centre, scale = (0.0, 1.0) if classes else centre_and_scale(targets)
    matrices = matrices_of(encoder, lags, frame)
    groups = []
    for lagged in (False, True) if lags.fields else (False,):
        matrix = matrices[lagged]
        categorical = np.concatenate([encoder.categorical, np.zeros(matrix.shape[1] - len(encoder.categorical), bool)])
        single, paired = Steps.fit(matrix, categorical), Steps.fit(matrix, categorical, paired=True)
        groups.append(Group(Additive(single, RATES, classes or 1, centre, scale), lagged))
        if paired.pairable:
            groups.append(Group(Additive(paired, PAIR_RATES, classes or 1, centre, scale), lagged))
    return tuple(groups)


def centre_and_scale(targets: NDArray[np.float64]) -> tuple[float, float]:
    """The median of numbers, and their median distance from it (1 when most are equal)."""
    centre = float(np.median(targets))
    return centre, float(np.median(np.abs(targets - centre))) or 1.0
