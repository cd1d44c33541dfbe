"""A version of a stream's model, as a scikit-learn estimator that is fitted already."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import skops.io
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import ClassifierTags, RegressorTags
from sklearn.utils.metaestimators import available_if

from penstock.client.batches import rows_of
from penstock.client.errors import PenstockError
from penstock.client.exported_model import ExportedModel
from penstock.client.frames import as_frame
from penstock.client.json_values import is_missing

TRUSTED = frozenset(
    {
        "functools.partial",
        "numpy.dtype",
        "sklearn._loss._loss.CyAbsoluteError",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        "sklearn._loss._loss.CyHalfSquaredError",
        "sklearn._loss._loss.CyPinballLoss",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
        "sklearn.utils.validation.check_array",
    }
)
"""What estimators of Penstock hold beside what skops trusts by itself: nothing else is built."""
TOLERANCE = 1e-9  # of a number, and of the largest: what other processors may differ by


class SklearnModel(BaseEstimator):  # type: ignore[misc]
    """A version of a stream's model: it answers rows as the server does, wherever it is, and is not fitted again.

    Rows are a frame of pandas, polars or pyarrow, dicts, or one dict; columns are the fields that the model takes, and
    the time where it takes that, other columns are passed over. Fields are taken as they are: what ingestion would
    refuse or clip is not. `description` tells all that is known of the version.
    """

    def __init__(self, exported: ExportedModel) -> None:
        self.exported = exported

    def __repr__(self) -> str:
        """Which version of which stream it is."""
        of, member = self.description, self.description["member"]
        blended = "" if member is None else f", member {member}"
        return f"SklearnModel({of['stream']!r}, version {of['version']}{blended}, {of['family']})"

    def _repr_html_(self) -> str:
        return f"<code>{self!r}</code>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    @property
    def description(self) -> dict[str, Any]:
        """Version, digest, inputs, and how the input matrix and the answers are made, as `model.json` has it."""
        return self.exported.description

    @property
    def estimator(self) -> Any:
        """The fitted estimator of scikit-learn, which takes what `features` gives."""
        return self.exported.estimator

    @property
    def classes_(self) -> NDArray[Any]:
        """The classes in the order of `predict_proba`; a model of numbers has none."""
        if not self.exported.classes:
            raise AttributeError("a model of numbers has no classes_")
        return np.array(self.exported.classes)

    def fit(self, rows: object, labels: object = None, **_: Any) -> SklearnModel:
        """Change nothing: Penstock has fitted it. It is here for scikit-learn's tools, which ask for it."""
        del rows, labels
        return self

    def features(self, rows: object) -> NDArray[np.float64]:
        """N rows as `estimator` gets them, shape (n, d), columns as in `description["columns"]`.

        Raises:
            PenstockError: a column is missing, or a value is of another type.
        """
        return self.exported.matrix(self._columns(rows))

    def predict(self, rows: object) -> NDArray[Any]:
        """The answers to n rows, shape (n,): classes, or numbers.

        Raises:
            PenstockError: as of `features`.
        """
        return np.asarray(self.exported.predict(self._columns(rows))["prediction"])

    @available_if(lambda model: bool(model.exported.classes))  # type: ignore[untyped-decorator]
    def predict_proba(self, rows: object) -> NDArray[np.float64]:
        """The probabilities of n rows, shape (n, k), columns as in `classes_`.

        Raises:
            PenstockError: as of `features`.
        """
        return self.exported.numbers(self._columns(rows))

    def score(self, rows: object, labels: object, sample_weight: object = None) -> float:
        """The accuracy, or of numbers R²."""
        score = accuracy_score if self.exported.classes else r2_score
        return float(score(labels, self.predict(rows), sample_weight=sample_weight))

    def __sklearn_is_fitted__(self) -> bool:
        """Always."""
        return True

    def __sklearn_clone__(self) -> SklearnModel:
        """Itself: a model that is fitted anew would be another one."""
        return self

    def __sklearn_tags__(self) -> Any:
        """What it is for scikit-learn."""
        tags = super().__sklearn_tags__()
        if self.exported.classes:
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        else:
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags

    def _columns(self, rows: object) -> dict[str, Sequence[Any]]:
        """The columns that the model takes, checked, as its module reads them."""
        inputs = {field["name"]: field["kind"] for field in self.description["inputs"]}
        time = self.description["time"]
        found = _values(rows, self.exported.columns)
        columns: dict[str, Sequence[Any]] = {
            name: [_text(name, value) if kind == "category" else _number(name, value) for value in found[name]]
            for name, kind in inputs.items()
        }
        if time is not None:
            zone = ZoneInfo(self.description["encoder"].get("zone", "UTC"))
            columns[time] = [_moment(time, value, zone) for value in found[time]]
        return columns


def open_archive(content: bytes) -> SklearnModel:
    """The model in an archive of the console, after its golden rows were answered as its version answered them.

    Raises:
        PenstockError: it holds what no model of Penstock does, or answers otherwise.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        description, golden = (json.loads(archive.read(name)) for name in ("model.json", "golden.json"))
        estimator, needed = archive.read("model.skops"), archive.read("requirements.txt").decode().split()
    unknown = sorted(set(skops.io.get_untrusted_types(data=estimator)) - TRUSTED)
    if unknown:
        raise PenstockError(f"The model holds {', '.join(unknown)}, which no model of Penstock does: it is not opened.")
    try:
        exported = ExportedModel(description, skops.io.loads(estimator, trusted=sorted(TRUSTED)))
        is_proven = _answers_as(exported, golden)
    except Exception as error:  # another release of scikit-learn fails in its own ways
        raise PenstockError(f"The model cannot be opened here ({error}): it needs {', '.join(needed)}.") from error
    if not is_proven:
        raise PenstockError(f"The model answers otherwise here than where it serves: it needs {', '.join(needed)}.")
    return SklearnModel(exported)


def _answers_as(exported: ExportedModel, golden: Mapping[str, Any]) -> bool:
    times = [None if ms is None else np.datetime64(ms, "ms") for ms in golden["times"]]
    numbers = exported.numbers({**golden["columns"], exported.description["time"]: times})
    expected = np.asarray(golden["probabilities"] or golden["values"], dtype=np.float64)
    largest = float(np.abs(expected).max(initial=0.0))
    return bool(np.allclose(numbers, expected, rtol=TOLERANCE, atol=TOLERANCE * largest))


def _values(rows: object, names: Sequence[str]) -> dict[str, list[Any]]:
    """The values of n rows by column; None where a dict has none."""
    frame = as_frame(rows)
    if frame is not None:
        absent = [name for name in names if name not in frame.columns]
        columns = {name: frame[name].to_list() for name in names if name not in absent}
    else:
        listed = list(rows_of(rows))
        absent = [name for name in names if all(name not in row for row in listed)] if listed else []
        columns = {name: [row.get(name) for row in listed] for name in names}
    if absent:
        raise PenstockError(
            f"The rows have no column {', '.join(map(repr, absent))}, which the model takes: None stands for unknown."
        )
    return columns


def _text(name: str, value: Any) -> str | None:
    if is_missing(value):
        return None
    if not isinstance(value, str):
        raise PenstockError(f"Column {name!r} holds text; {value!r} is none.")
    return value


def _number(name: str, value: Any) -> float:
    if is_missing(value):
        return math.nan
    try:
        number = math.inf if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        number = math.inf
    if not math.isfinite(number):
        raise PenstockError(f"Column {name!r} holds finite numbers; {value!r} is none.")
    return number


def _moment(name: str, value: Any, zone: ZoneInfo) -> datetime | None:
    if is_missing(value):
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime):
        raise PenstockError(f"Column {name!r} holds times; {value!r} is none.")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
