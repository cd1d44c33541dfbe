"""Opens the folder that it lies in: a model that Penstock trained and wrote for use elsewhere.

It needs numpy, scikit-learn and skops, in versions of `requirements.txt`, and nothing of Penstock:

    from penstock_model import open_model
    model = open_model("FOLDER")
    model.predict(rows)        # rows: a DataFrame, or a dict of columns; the answers as the same
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FLOOR = 1e-12  # of a probability: only what logarithms of floats need


class ExportedModel:
    """The model: `inputs` and `time` in `description` are the columns that rows must have."""

    def __init__(self, description: dict[str, Any], estimator: Any) -> None:
        self.description = description
        self.classes: list[str] = description["classes"]
        self.estimator = estimator

    @property
    def columns(self) -> list[str]:
        """The names of the columns that rows have."""
        time = self.description["time"]
        return [field["name"] for field in self.description["inputs"]] + ([] if time is None else [time])

    def predict(self, rows: Any, params: Any = None) -> Any:
        """The answers to n rows, as `rows` are: `prediction`, and for classes `probability.CLASS`."""
        del params  # MLflow gives it
        numbers = self.numbers(rows)
        columns: dict[str, Any] = {"prediction": numbers}
        if self.classes:
            columns["prediction"] = [self.classes[index] for index in self._decided(numbers)]
            columns |= {f"probability.{name}": numbers[:, index] for index, name in enumerate(self.classes)}
        return type(rows)(columns)

    def numbers(self, rows: Any) -> Floats:
        """The probabilities of n rows, shape (n, k) with columns as in `classes`, or their numbers, shape (n,)."""
        matrix = self.matrix(rows)
        if not self.classes:
            return np.asarray(self.estimator.predict(matrix), dtype=np.float64)
        fitted = np.asarray(self.estimator.predict_proba(matrix), dtype=np.float64)
        probabilities = np.zeros((len(matrix), len(self.classes)))
        probabilities[:, np.asarray(self.estimator.classes_)] = fitted
        smoothing = self.description["smoothing"]
        if smoothing:
            probabilities = probabilities * (1 - smoothing) + smoothing / len(self.classes)
        return self._calibrated(probabilities)

    def matrix(self, rows: Any) -> Floats:
        """N rows as the estimator takes them, shape (n, d)."""
        encoder = self.description["encoder"]
        statistics = encoder.get("statistics", {})
        columns: list[Floats] = []
        further: list[Floats] = []
        for field in encoder["fields"]:
            name = field["name"]
            if name in statistics:
                means = _means(rows[name], statistics[name])
                columns.append(means[:, 0])
                further.extend(means[:, 1:].T)
            elif field["kind"] == "category":
                columns.append(_codes(rows[name], encoder["vocabularies"][name]))
            else:
                columns.append(np.asarray([np.nan if value is None else value for value in rows[name]], np.float64))
        if encoder["time_parts"]:
            moments = [_local(value, encoder.get("zone", "UTC")) for value in rows[self.description["time"]]]
            columns += [np.array([_PARTS[part](moment) for moment in moments]) for part in encoder["time_parts"]]
        return np.column_stack([*columns, *further])

    def _calibrated(self, probabilities: Floats) -> Floats:
        calibration = self.description.get("calibration")
        if calibration is None:
            return probabilities
        scores = np.log(np.maximum(probabilities, FLOOR)) * calibration["scale"] + np.array(calibration["biases"])
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def _decided(self, probabilities: Floats) -> NDArray[np.intp]:
        """The likeliest class, or with costs (true class by row, answer by column) that of least expected cost."""
        costs = self.description.get("decision_costs")
        if costs is None:
            return np.asarray(probabilities.argmax(axis=1))
        return np.asarray(np.einsum("ij,jk->ik", probabilities, np.array(costs)).argmin(axis=1))


def open_model(folder: str | Path) -> ExportedModel:
    """The model in a folder."""
    import skops.io  # noqa: PLC0415

    description = json.loads(Path(folder, "model.json").read_text(encoding="utf-8"))
    return ExportedModel(description, skops.io.load(Path(folder, "model.skops"), trusted=description["types"]))


def _load_pyfunc(path: str) -> ExportedModel:
    """What MLflow's flavour pyfunc calls."""
    return open_model(path)


def _codes(values: Any, vocabulary: list[str]) -> Floats:
    codes = {text: float(code) for code, text in enumerate(vocabulary)}
    return np.array([codes.get(value, np.nan) if isinstance(value, str) else np.nan for value in values])


def _means(values: Any, statistics: dict[str, Any]) -> Floats:
    """The mean targets of each category; of all rows where it was not seen; NaN where it is missing."""
    means = dict(zip(statistics["categories"], statistics["means"], strict=True))
    overall = statistics["overall"]
    missing = [np.nan] * len(overall)
    found = [means.get(value, overall) if isinstance(value, str) else missing for value in values]
    return np.array(found, dtype=np.float64).reshape(len(found), len(overall))


def _local(value: Any, zone: str) -> datetime | None:
    """A moment (a datetime, ISO 8601 or numpy's; UTC unless it says otherwise) as the clocks of a zone show it."""
    if value is None or value != value:  # noqa: PLR0124 (NaN, NaT and pandas' NaT alike)
        return None
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[ms]").item()
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    local: datetime = moment.astimezone(ZoneInfo(zone))
    return local


_PARTS: dict[str, Callable[[datetime | None], float]] = {
    "hour": lambda moment: np.nan if moment is None else moment.hour,
    "weekday": lambda moment: np.nan if moment is None else moment.weekday(),
    "yearday": lambda moment: np.nan if moment is None else moment.timetuple().tm_yday,
    "month": lambda moment: np.nan if moment is None else moment.month,
}
