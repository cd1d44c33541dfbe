"""A stream's file for the references: every column but the label, as one matrix.

It is read without Penstock, so that what the references know does not change with what `stream init` declares.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MAX_CODES = 254  # of a category: the limit of histogram boosting
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
MAX_INTEGER_CLASSES = 20  # whole numbers with up to so many distinct values are classes
RARE = 0.1  # a class below this share is judged by average precision

Task = Literal["binary", "multiclass", "regression"]
Metric = Literal["log_loss", "average_precision", "accuracy", "mae", "rmse"]
Matrix = NDArray[np.float64]
Labels = NDArray[np.float64]
"""One number per row: the class's code, or the value to predict; NaN where the label is missing."""


@dataclass(frozen=True, eq=False)
class FeatureMatrix:
    """n rows: features of shape (n, d), NaN where missing; which of the d columns hold codes; labels of shape (n,)."""

    task: Task
    features: Matrix
    categorical: NDArray[np.bool_]
    labels: Labels

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    @cached_property
    def class_counts(self) -> NDArray[np.int64]:
        """How often each class occurs, shape (k,); of a regression empty."""
        if self.task == "regression":
            return np.empty(0, dtype=np.int64)
        return np.bincount(self.labels[~np.isnan(self.labels)].astype(np.int64), minlength=2)

    @property
    def objective(self) -> Metric:
        """The metric that `stream init` declares."""
        if self.task == "regression":
            return "mae"
        is_rare = self.task == "binary" and self.class_counts.min() < RARE * self.class_counts.sum()
        return "average_precision" if is_rare else "log_loss"

    def with_columns(self, columns: Matrix) -> FeatureMatrix:
        """The same rows with additional columns of numbers, shape (n, k)."""
        categorical = np.concatenate([self.categorical, np.zeros(columns.shape[1], dtype=bool)])
        return FeatureMatrix(self.task, np.hstack([self.features, columns]), categorical, self.labels)


def read_feature_matrix(path: Path, first: int | None = None) -> FeatureMatrix:
    """Read a file, or its first rows. Texts get codes in the order of appearance, so that none tells of later rows."""
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
        rows = list(islice(csv.reader(file), first if first is None else first + 1))[1:]
    *columns, labels = ([_text(value) for value in column] for column in zip(*rows, strict=True))
    encoded = [_encoded(column) for column in columns]
    matrices = [matrix for matrix, _ in encoded]
    categorical = [is_category for matrix, is_category in encoded for _ in range(matrix.shape[1])]
    task = _task(labels)
    label_values = _numbers(labels) if task == "regression" else _codes(labels, max_codes=len(labels))
    assert label_values is not None
    return FeatureMatrix(task, np.hstack(matrices), np.array(categorical, dtype=bool), label_values)


def _text(value: str) -> str | None:
    stripped = value.strip()
    return None if stripped.lower() in MISSING else stripped


def _task(labels: Sequence[str | None]) -> Task:
    values = {label for label in labels if label is not None}
    if len(values) == 2:
        return "binary"
    numbers = _numbers(labels)
    if numbers is None:
        return "multiclass"
    is_whole = bool((numbers[~np.isnan(numbers)] % 1 == 0).all())
    return "multiclass" if is_whole and len(values) <= MAX_INTEGER_CLASSES else "regression"


def _encoded(texts: Sequence[str | None]) -> tuple[Matrix, bool]:
    """The columns of a feature, shape (n, 1 or more), and whether they are codes: numbers, parts of times, or codes."""
    numbers = _numbers(texts)
    if numbers is not None:
        return numbers[:, None], False
    parts = _time_parts(texts)
    return (parts, False) if parts is not None else (_codes(texts)[:, None], True)


def _numbers(texts: Iterable[str | None]) -> NDArray[np.float64] | None:
    try:
        return np.array([np.nan if text is None else float(text) for text in texts])
    except ValueError:
        return None


def _codes(texts: Iterable[str | None], max_codes: int = MAX_CODES) -> NDArray[np.float64]:
    """0, 1, ... in the order of appearance; NaN for a missing text, and for texts beyond the maximum."""
    code_of: dict[str, int] = {}
    codes = [np.nan if text is None else code_of.setdefault(text, len(code_of)) for text in texts]
    return np.array([code if code < max_codes else np.nan for code in codes], dtype=np.float64)


def _time_parts(texts: Sequence[str | None]) -> Matrix | None:
    """Hour, weekday and day of the year of times or dates, shape (n, 3), NaN where missing; None for other texts."""
    try:
        times = [None if text is None else datetime.fromisoformat(text) for text in texts]
    except ValueError:
        return None
    missing = (np.nan,) * 3
    parts = [(time.hour, time.weekday(), time.timetuple().tm_yday) if time else missing for time in times]
    return np.array(parts, dtype=np.float64)
