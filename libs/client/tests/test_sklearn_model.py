"""A model that was downloaded: what is opened, what is not, and what is missing is said."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from datetime import UTC, datetime
from importlib.machinery import ModuleSpec
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import Ridge
from sklearn.preprocessing import FunctionTransformer

from penstock.client import PenstockError, parquet_frames
from penstock.client.parquet_frames import chosen_library
from penstock.client.sklearn_model import SklearnModel, open_archive

from .test_synchronous import client

HOURS = np.arange(24.0)
DESCRIPTION = {
    "stream": "loads", "version": 2, "member": None, "family": "linear", "task": "regression", "classes": [],
    "inputs": [{"name": "size", "kind": "number"}], "time": "time", "columns": ["size", "hour"], "smoothing": 0,
    "encoder": {"fields": [{"name": "size", "kind": "number"}], "time_parts": ["hour"], "zone": "Europe/Paris"},
}  # fmt: skip


def archive(estimator: Any = None, value: float = 13.0) -> bytes:
    """A model that answers the hour in Paris, with one golden row: the noon of UTC in winter."""
    fitted = Ridge(alpha=0).fit(np.column_stack([HOURS * 0, HOURS]), HOURS)
    golden = {"times": [43_200_000], "columns": {"size": [1.0]}, "values": [value], "probabilities": None}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as content:
        content.writestr("model.json", json.dumps(DESCRIPTION))
        content.writestr("golden.json", json.dumps(golden))
        content.writestr("model.skops", skops.io.dumps(estimator or fitted))
        content.writestr("requirements.txt", "scikit-learn==0.1\n")
    return file.getvalue()


@pytest.fixture
def model() -> SklearnModel:
    return open_archive(archive())


@pytest.mark.parametrize(
    ("time", "hour"),
    [
        (datetime(2026, 1, 5, 12, tzinfo=UTC), 13),
        (datetime(2026, 1, 5, 12), 12),
        ("2026-07-05T12:00:00Z", 14),
        (np.datetime64("2026-07-05T12:00", "ms").item(), 12),
    ],
)
def test_a_time_without_a_zone_is_in_that_of_the_stream(model: SklearnModel, time: Any, hour: float) -> None:
    assert model.features({"size": 1, "time": time}).tolist() == [[1, hour]]
    assert model.predict([{"size": 1, "time": time}]) == pytest.approx([hour])


@pytest.mark.parametrize("time", ["noon", 12])
def test_what_is_no_time_is_said(model: SklearnModel, time: Any) -> None:
    with pytest.raises(PenstockError, match="'time' holds times"):
        model.predict({"size": 1, "time": time})


def test_what_answers_otherwise_than_online_is_not_opened() -> None:
    with pytest.raises(PenstockError, match=r"answers otherwise here .* it needs scikit-learn==0\.1"):
        open_archive(archive(value=13.1))


def test_what_no_model_holds_is_not_built() -> None:
    with pytest.raises(PenstockError, match="which no model of Penstock does"):
        open_archive(archive(FunctionTransformer(func=np.testing.assert_equal)))


def test_a_missing_package_is_named_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "penstock.client.sklearn_model")
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with client() as penstock, pytest.raises(PenstockError, match=r"skops.*pip install 'penstock-client\[model\]'"):
        penstock.stream("loans").model()


def test_the_first_library_that_is_installed_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"pandas", "pyarrow"}
    monkeypatch.setattr(parquet_frames, "find_spec", lambda name: ModuleSpec(name, None) if name in installed else None)
    assert (chosen_library(None), chosen_library("pyarrow")) == ("pandas", "pyarrow")
    with pytest.raises(PenstockError, match="needs polars, which is not installed: pip install polars"):
        chosen_library("polars")
    installed.clear()
    with client() as penstock, pytest.raises(PenstockError, match="polars or pandas or pyarrow"):
        penstock.sql("select 1")
