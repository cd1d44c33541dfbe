"""The losses of a candidate on its holdout, by what the objective says that one answer loses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.losses import LossMoments
from penstock.ml.features.frame import Frame
from penstock.ml.models.model import ModelOutput
from penstock.ml.selection.cross_validation import FoldOutput
from penstock.trainer.data.dataset import TrainingRows
from penstock.trainer.evaluation.comparison import compare
from penstock.trainer.evaluation.holdout_losses import holdout_losses

N, HOLDOUT = 200, slice(100, 200)


def declaration(metric: str | None, task: str = "binary") -> Declaration:
    classes = {} if task == "regression" else {"classes": ["no", "yes"]}
    objective = {} if metric is None else {"objective": {"metric": metric}}
    fields = {"x": {"type": "number"}}
    return Declaration.model_validate(
        {"name": "s", "task": task, "fields": fields, "label": {"name": "y", **classes}, **objective}
    )


def rows(labels: list[Any]) -> TrainingRows:
    times = np.arange(N).astype("datetime64[s]").astype("datetime64[ms]")
    frame = Frame({"x": np.zeros(N)}, times)
    return TrainingRows(frame, labels, times, np.arange(N), np.full(N, -1), [None] * N)


def losses_of(stream: Declaration, labels: list[Any], output: FoldOutput) -> LossMoments:
    return holdout_losses(stream, compare(stream, rows(labels), output, None))


@pytest.mark.parametrize(
    ("metric", "loss", "mean"),
    [
        (None, "error", 0.1),
        ("accuracy", "error", 0.1),
        ("roc_auc", "log_loss", -0.9 * np.log(0.8) - 0.1 * np.log(0.2)),
        ("average_precision", "log_loss", -0.9 * np.log(0.8) - 0.1 * np.log(0.2)),
        ("f1", "error", 0.5),
        ("balanced_accuracy", "error", 0.5),
    ],
)
def test_a_tenth_of_positives_are_all_missed(metric: str | None, loss: str, mean: float) -> None:
    labels = ["yes" if row % 10 == 0 else "no" for row in range(N)]
    output = FoldOutput(HOLDOUT, ModelOutput(["no"] * 100, np.array([[0.8, 0.2]] * 100)))
    losses = losses_of(declaration(metric), labels, output)
    assert (losses.loss, losses.rows, losses.mean) == (loss, 100, pytest.approx(mean))
    if metric == "accuracy":
        assert losses.squares == pytest.approx(10 * 0.9)


@pytest.mark.parametrize(
    ("metric", "loss", "mean"),
    [
        (None, "absolute_error", 3.0),
        ("rmse", "squared_error", 9.0),
        ("pinball", "pinball", 1.5),
        ("rmsle", "squared_log_error", np.log(4) ** 2),
    ],
)
def test_numbers_lose_what_their_metric_says(metric: str | None, loss: str, mean: float) -> None:
    output = FoldOutput(HOLDOUT, ModelOutput([0.0] * 100, None))
    losses = losses_of(declaration(metric, "regression"), [3.0] * N, output)
    assert (losses.loss, losses.rows, losses.mean, losses.squares) == (loss, 100, pytest.approx(mean), pytest.approx(0))
