"""A blend: frozen models and additive ones, weighted by their losses, that learns from every outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import floor, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.class_index import ClassIndex
from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Field, Frame
from penstock.ml.features.lag_features import LabelHistory, Lags
from penstock.ml.features.task import Task
from penstock.ml.metrics.regression_loss import ABSOLUTE_ERROR, RegressionLoss
from penstock.ml.models.calibration import Calibration, calibrated
from penstock.ml.models.decision_costs import DecisionCosts, decided_classes
from penstock.ml.models.model import Model, ModelOutput
from penstock.ml.online.additive import AdditiveModels
from penstock.ml.online.column_bins import ColumnBins
from penstock.ml.online.expert_mixture import ExpertMixture
from penstock.ml.online.key_forecasts import key_forecasts
from penstock.ml.online.recalibration import Recalibration

BLEND = "blend"

RATES = (0.1, 0.01, 0.001)  # learning rates: they average over tens, hundreds and thousands of outcomes
PAIR_RATES = (0.005,)
BinIndices = Sequence[NDArray[np.intp]]
"""For each group of additive models, the bins that n rows fall into."""

DIGITS = 4  # of experts' numbers, as predictions carry them: below the leading digit of their `scale`
PROBABILITY_DIGITS = 5  # of probabilities: the smallest that a loss tells apart is exp(-MAX_LOSS), 0.00005


@dataclass(frozen=True, slots=True, eq=False)
class AdditiveGroup:
    """Additive models over the encoder's columns, and over the lag features if they use these, too."""

    models: AdditiveModels
    uses_lag_features: bool


@dataclass(eq=False)
class Blend:
    """A mixture of frozen models and additive ones; `learn` changes all but the frozen.

    `classes` are canonical texts, empty for regression. `learnt_to` is the offset of the first outcome that is not yet
    learnt, here and in `label_history`. Frozen models may use the lag features that `lags` names; what the histories of
    its keys say is an expert for each pace, behind these models. With `decision_costs` it answers the class of least
    expected cost, without the likeliest. With a `recalibration` the frozen models are experts twice, as they are and
    corrected. A `calibration` is applied to the mixture's probabilities alone: experts and forecasters are weighted by
    their outputs as they are.
    """

    task: Task
    classes: tuple[str, ...]
    encoder: Encoder
    lags: Lags
    frozen_models: tuple[Model, ...]
    groups: tuple[AdditiveGroup, ...]
    mixture: ExpertMixture
    label_history: LabelHistory
    learnt_to: int = 0
    details: dict[str, Any] = field(default_factory=dict)
    decision_costs: DecisionCosts | None = None
    calibration: Calibration | None = None
    recalibration: Recalibration | None = None

    family = BLEND

    @property
    def inputs(self) -> tuple[Field, ...]:
        """The columns that a frame must hold: the encoder's fields and the lag features."""
        return (*self.encoder.fields, *self.lags.fields)

    @property
    def width(self) -> int:
        """Numbers in an expert's output for one row: one per class, or one."""
        return len(self.classes) or 1

    @cached_property
    def class_index(self) -> ClassIndex:
        """The numbers of the labels, as `learn` and the label history take them."""
        return ClassIndex(self.classes)

    def predict(self, frame: Frame) -> ModelOutput:
        """Answer each of n rows.

        Raises:
            UnusableAnswer: a frozen model's output is not finite.
            WrongFields: the frame lacks a field.
        """
        expert_outputs = self.expert_outputs(self.frozen_outputs(frame), self.bin_indices(frame))
        return self.model_output(self.mixture.outputs(expert_outputs), expert_outputs)

    def model_output(
        self, outputs: NDArray[np.float64], expert_outputs: NDArray[np.float64] | None = None
    ) -> ModelOutput:
        """The mixture's outputs for n rows, shape (n, k), as answers, with those of the experts, shape (n, m, k)."""
        if self.task == "regression":
            return ModelOutput(outputs[:, 0].tolist(), None, expert_outputs)
        probabilities = calibrated(outputs, self.calibration)
        answers = decided_classes(probabilities, self.decision_costs)
        return ModelOutput(self.class_index.labels(answers), probabilities, expert_outputs)

    def frozen_outputs(self, frame: Frame) -> NDArray[np.float64]:
        """The outputs of the frozen models for n rows, and what their keys' histories say, shape (n, f, k)."""
        outputs = np.empty((len(frame), len(self.frozen_models), self.width))
        for index, model in enumerate(self.frozen_models):
            outputs[:, index] = model.predict(frame).numbers(self.width)
        return self.with_key_forecasts(outputs, frame)

    def with_key_forecasts(self, outputs: NDArray[np.float64], frame: Frame) -> NDArray[np.float64]:
        """The outputs of the frozen models for n rows, shape (n, m, k), followed by the forecasts of keys."""
        if not self.lags.history.keys:
            return outputs
        return np.concatenate([outputs, key_forecasts(self.lags.history, self.classes, frame)], axis=1)

    def bin_indices(self, frame: Frame) -> BinIndices:
        """The bins that n rows fall into, for each group."""
        matrices = matrices_of(self.encoder, self.lags, frame)
        return [group.models.bins.bin_indices(matrices[group.uses_lag_features]) for group in self.groups]

    def expert_outputs(self, frozen_outputs: NDArray[np.float64], bin_indices: BinIndices) -> NDArray[np.float64]:
        """The outputs of all experts for n rows, the frozen ones first and the forecasters last: (n, m, k)."""
        additive = [group.models.outputs(rows) for group, rows in zip(self.groups, bin_indices, strict=True)]
        outputs = [frozen_outputs, *additive]
        if self.recalibration is not None:
            outputs.append(self.recalibration.outputs(self._of_models(frozen_outputs)))
        return self.mixture.with_forecasters(np.concatenate(outputs, axis=1))

    def learn(self, bin_indices: BinIndices, expert_outputs: NDArray[np.float64], targets: NDArray[np.float64]) -> None:
        """Learn n outcomes in order: the rows' bins, the experts' outputs at prediction (NaN: none), and the labels.

        `targets` holds the labels as numbers (`class_index`), shape (n,).
        """
        self.mixture.learn(expert_outputs, targets)
        if self.recalibration is not None:
            self.recalibration.learn(self._of_models(expert_outputs), targets)
        for group, rows in zip(self.groups, bin_indices, strict=True):
            group.models.learn(rows, targets)

    def _of_models(self, expert_outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        return expert_outputs[:, : len(self.frozen_models)]

    def encode_expert_outputs(self, expert_outputs: NDArray[np.float64]) -> list[list[float]]:
        """Experts' outputs for n rows as predictions carry them: rounded, one list a row, without the first class."""
        numbers = expert_outputs[..., 1:] if self.classes else expert_outputs
        return np.round(numbers, self._decimals).reshape(len(expert_outputs), -1).tolist()

    @cached_property
    def _decimals(self) -> int:
        """Places behind the point that an expert's output keeps; below 0 for large numbers."""
        return PROBABILITY_DIGITS if self.classes else DIGITS - floor(log10(self.mixture.scale))

    def decode_expert_outputs(self, encoded: Sequence[Sequence[float] | None]) -> NDArray[np.float64]:
        """The experts' outputs encoded so, shape (n, m, k); NaN for rows without, or with those of other experts."""
        m, width = self.mixture.output_count, max(self.width - 1, 1)
        blank = [np.nan] * (m * width)
        rows = [row if row is not None and len(row) == m * width else blank for row in encoded]
        numbers = np.array(rows, dtype=np.float64).reshape(len(rows), m, width)
        if not self.classes:
            return numbers
        return np.concatenate([1 - numbers.sum(axis=2, keepdims=True), numbers], axis=2)


def matrices_of(encoder: Encoder, lags: Lags, frame: Frame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The matrix of n rows without lag features, and the one with them."""
    plain = encoder.transform(frame)
    if not lags.fields:
        return plain, plain
    lag_columns = [np.asarray(frame.columns[field.name], dtype=np.float64) for field in lags.fields]
    return plain, np.column_stack([plain, *lag_columns])


def new_groups(
    encoder: Encoder,
    lags: Lags,
    frame: Frame,
    targets: NDArray[np.float64],
    classes: int,
    loss: RegressionLoss = ABSOLUTE_ERROR,
) -> tuple[AdditiveGroup, ...]:
    """Additive models that have learnt nothing yet, with bins, and for a regression centre and scale, from the rows."""
    centre, scale = (0.0, 1.0) if classes else loss.centre_and_scale(targets)
    matrices = matrices_of(encoder, lags, frame)
    groups = []
    for uses_lag_features in (False, True) if lags.fields else (False,):
        matrix = matrices[uses_lag_features]
        categorical = np.concatenate([encoder.categorical, np.zeros(matrix.shape[1] - len(encoder.categorical), bool)])
        bins = [ColumnBins.fit(matrix, categorical, paired=paired) for paired in (False, True)]
        for each, rates in zip(bins, (RATES, PAIR_RATES), strict=True):
            if each.pairable or not each.paired:
                models = AdditiveModels(each, rates, classes or 1, centre, scale, loss)
                groups.append(AdditiveGroup(models, uses_lag_features))
    return tuple(groups)
