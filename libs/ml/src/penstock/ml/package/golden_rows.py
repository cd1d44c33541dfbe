"""Golden rows: rows with a model's answers to them, which it must repeat wherever it is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.models.decision_costs import expected_costs
from penstock.ml.models.model import Model, ModelOutput
from penstock.ml.models.onnx_graph import ONNX
from penstock.ml.online.blend import Blend

TOLERANCE, GRAPH_TOLERANCE = 1e-9, 1e-5  # graphs are of floats of 32 bits, whose sums differ between processors


def record(model: Model | Blend, frame: Frame) -> dict[str, Any]:
    """The rows, as far as the model's fields go, and its answers, as plain data."""
    output = model.predict(frame)
    probabilities = output.probabilities
    return {
        "times": [None if np.isnat(moment) else int(moment.astype(np.int64)) for moment in frame.times],
        "columns": {field.name: _plain(frame.columns[field.name]) for field in model.inputs},
        "values": list(output.values),
        "probabilities": None if probabilities is None else probabilities.tolist(),
    }


def rows(golden: dict[str, Any], fields: Sequence[Field]) -> Frame:
    """The recorded rows.

    Raises:
        KeyError, TypeError, ValueError: the record is not one.
    """
    columns = {field.name: column(field.kind, golden["columns"][field.name]) for field in fields}
    return Frame(columns, times([_moment(ms) for ms in golden["times"]]))


def mismatch(model: Model | Blend, rows: Frame, golden: dict[str, Any]) -> str | None:
    """What differs between the model's answers to the recorded rows and the recorded ones, None when nothing does.

    They may differ by 1e-9 of the number, and of the largest one; those of an ONNX graph by 1e-5.

    Raises:
        KeyError, TypeError, ValueError: the record is not one.
    """
    output = model.predict(rows)
    if len(output) != len(golden["values"]):
        return f"{len(output)} answers where {len(golden['values'])} were recorded"
    return _first_difference(model, output, golden)


def _first_difference(model: Model | Blend, output: ModelOutput, golden: dict[str, Any]) -> str | None:
    tolerance = GRAPH_TOLERANCE if model.family == ONNX else TOLERANCE
    if output.probabilities is None:
        values = np.array(output.values, dtype=np.float64)
        differing = _differ(values, np.array(golden["values"], dtype=np.float64), tolerance)
    else:
        probabilities = output.probabilities
        recorded = np.array(golden["probabilities"], dtype=np.float64).reshape(probabilities.shape)
        classes = [model.classes.index(value) for value in golden["values"]]
        costs = expected_costs(probabilities, model.decision_costs)
        # the recorded class must still be the answer, up to a tie
        differing = _differ(probabilities, recorded, tolerance).any(axis=1) | _differ(
            costs[np.arange(len(classes)), classes], costs.min(axis=1), tolerance
        )
    if differing.any():
        return f"row {int(np.argmax(differing))} is answered otherwise than when it was packed"
    return None


def _differ(numbers: NDArray[np.float64], expected: NDArray[np.float64], tolerance: float) -> NDArray[np.bool_]:
    return ~np.isclose(numbers, expected, rtol=tolerance, atol=tolerance * float(np.abs(expected).max(initial=0.0)))


def _plain(values: NDArray[Any]) -> list[Any]:
    """NaN as None: JSON has no NaN."""
    return [None if isinstance(value, float) and isnan(value) else value for value in values.tolist()]


def _moment(milliseconds: int | None) -> np.datetime64:
    return np.datetime64("NaT") if milliseconds is None else np.datetime64(milliseconds, "ms")
