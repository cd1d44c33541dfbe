"""Rows with the answers a model gave to them, to be compared wherever it is loaded."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from penstock.ml.frame import Frame, column, times
from penstock.ml.models import Answers, Model

TOLERANCE = 1e-9


def record(model: Model, frame: Frame) -> dict[str, Any]:
    """The rows that the model's fields need, and its answers, as plain data."""
    answers = model.predict(frame)
    probabilities = answers.probabilities
    return {
        "times": [None if np.isnat(moment) else int(moment.astype(np.int64)) for moment in frame.times],
        "columns": {field.name: _plain(frame.columns[field.name]) for field in model.encoder.fields},
        "values": list(answers.values),
        "probabilities": None if probabilities is None else probabilities.tolist(),
    }


def mismatch(model: Model, golden: dict[str, Any]) -> str | None:
    """What differs between the model's answers and the recorded ones, None when nothing does.

    Numbers may differ by 1e-9, absolute and relative. Raises KeyError, TypeError or ValueError when
    the record is not one.
    """
    columns = {field.name: column(field.kind, golden["columns"][field.name]) for field in model.encoder.fields}
    answers = model.predict(Frame(columns, times([_moment(ms) for ms in golden["times"]])))
    if len(answers) != len(golden["values"]):
        return f"{len(answers)} answers where {len(golden['values'])} were recorded"
    return _first_difference(answers, golden)


def _first_difference(answers: Answers, golden: dict[str, Any]) -> str | None:
    if answers.probabilities is None:
        found, expected = np.array(answers.values, dtype=np.float64), np.array(golden["values"], dtype=np.float64)
    else:
        found, expected = answers.probabilities, np.array(golden["probabilities"], dtype=np.float64)
        expected = expected.reshape(found.shape)
    differing = ~np.isclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
    if differing.any():
        return f"row {int(np.argwhere(differing)[0, 0])} is answered otherwise than when it was packed"
    return None


def _plain(values: NDArray[Any]) -> list[Any]:
    """NaN as None: JSON has no NaN."""
    return [None if isinstance(value, float) and isnan(value) else value for value in values.tolist()]


def _moment(milliseconds: int | None) -> np.datetime64:
    return np.datetime64("NaT") if milliseconds is None else np.datetime64(milliseconds, "ms")
