"""The models that are measured: trained by Penstock's library, and written to files for the peers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from bench.workload.stream import CATEGORIES, CLASSES, Rows
from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.models.families import fit
from penstock.ml.models.model import Model
from penstock.ml.models.training_data import TrainingData

GOLDEN = 20  # golden rows of a packed model


@dataclass(frozen=True)
class TrainedModel:
    """A model, its golden rows, and its probability of `yes` for each distinct event, shape (n,).

    `file` is for peers that score with numpy, `estimator` the fitted scikit-learn estimator for those that use it.
    """

    model: Model
    golden: Frame
    file: Path
    estimator: Path
    scores: NDArray[np.float64]
    scores_file: Path


def train(family: str, sample: Rows, rows: Rows, folder: Path) -> TrainedModel:
    """Train on the sample, score the rows of the events, and write the peers' files into `folder`."""
    frame = frame_of(sample)
    fields = [*(Field(name, "number") for name in sample.names), *(Field(name, "category") for name in CATEGORIES)]
    fitted = fit(family, TrainingData(frame, sample.labels, fields, "binary", classes=CLASSES))
    model = replace(fitted, smoothing=0.0)  # the peers have the estimator alone, and all must give one score
    probabilities = model.predict(frame_of(rows)).probabilities
    assert probabilities is not None
    estimator = _write_estimator(model, folder)
    file = _write_linear(model, folder) if family == "linear" else estimator
    scores_file = folder / f"{family}.scores.{len(rows)}.npy"
    np.save(scores_file, probabilities[:, 1])
    return TrainedModel(model, frame.take(slice(0, GOLDEN)), file, estimator, probabilities[:, 1], scores_file)


def frame_of(rows: Rows) -> Frame:
    """The rows as a frame of `penstock.ml`."""
    numbers = {name: rows.numbers[:, index] for index, name in enumerate(rows.names)}
    categories = {"segment": column("category", rows.segments), "merchant": column("category", rows.merchants)}
    return Frame(numbers | categories, times(["2026-01-01"] * len(rows)))


def _write_linear(model: Model, folder: Path) -> Path:
    """Write clip, scale and learner as one step: a number adds `weights` times its clipped value."""
    columns, learner = model.estimator.named_steps["columns"], model.estimator.named_steps["learner"]
    numbers, levels = columns.named_transformers_["numbers"], columns.named_transformers_["levels"]
    clip, scale = numbers.named_steps["clip"], numbers.named_steps["scale"]
    coefficients, width = learner.coef_[0], len(scale.scale_)
    per_unit = coefficients[:width] / scale.scale_
    weights = per_unit * clip.scale_
    bias = learner.intercept_[0] + (per_unit * (clip.min_ - scale.mean_)).sum()
    first, second = _tables(model, levels.categories_, coefficients[width:])
    file = folder / "linear.npz"
    np.savez(
        file, low=clip.data_min_, high=clip.data_max_, weights=weights, bias=bias, of_first=first, of_second=second,
        **_vocabularies(model),
    )  # fmt: skip
    return file


def _tables(model: Model, category_codes: list[Any], coefficients: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """For each category field the coefficient of each text of its vocabulary."""
    tables, start = [], 0
    for name, codes in zip(CATEGORIES, category_codes, strict=True):
        table = np.zeros(len(model.encoder.vocabularies[name]))
        table[codes.astype(int)] = coefficients[start : start + len(codes)]
        tables.append(table)
        start += len(codes)
    return tables


def _write_estimator(model: Model, folder: Path) -> Path:
    file = folder / f"{model.family}.joblib"
    joblib.dump(model.estimator, file)
    np.savez(file.with_suffix(".vocabularies.npz"), **_vocabularies(model))
    return file


def _vocabularies(model: Model) -> dict[str, NDArray[np.str_]]:
    first, second = (np.array(model.encoder.vocabularies[name]) for name in CATEGORIES)
    return {"first": first, "second": second}
