"""Pipelines that were fitted elsewhere answer as they did there, or are refused; nothing that they name is run."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from typing import Any

import numpy as np
import polars as pl
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.models.model import Model
from penstock.ml.package import model_package
from penstock.ml.package.model_file import BadModelFile, check_answers, read_model_file

FIELDS = (Field("amount", "number"), Field("months", "number"), Field("town", "category"))
TOWNS = {"town": ("york", "bath")}
CLASSES = ("no", "yes")
COUNT = 300


def rows() -> pl.DataFrame:
    draw = np.random.default_rng(5)
    amounts = draw.normal(size=COUNT)
    amounts[::17] = np.nan
    towns = draw.choice(["bath", "york", "hull"], COUNT)
    return pl.DataFrame({"town": towns, "amount": amounts, "months": draw.integers(1, 99, COUNT)})


def frame(rows: pl.DataFrame) -> Frame:
    columns = {
        field.name: column(field.kind, rows[field.name].to_list()) for field in FIELDS if field.name in rows.columns
    }
    return Frame(columns, times([None] * len(rows)))


def labels(rows: pl.DataFrame) -> Any:
    scores = np.nan_to_num(rows["amount"].to_numpy()) + (rows["town"].to_numpy() == "bath")
    return np.where(scores > 0.5, "yes", "no")


def pipeline(learner: Any) -> Pipeline:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    steps = [("numbers", numbers, ["months", "amount"]), ("towns", OneHotEncoder(handle_unknown="ignore"), ["town"])]
    return Pipeline([("columns", ColumnTransformer(steps, sparse_threshold=0)), ("learner", learner)])


def read(fitted: Any, task: Any = "binary", classes: tuple[str, ...] = CLASSES) -> Model:
    return read_model_file(skops.io.dumps(fitted), FIELDS, TOWNS, task, classes)


@pytest.mark.parametrize(
    "learner",
    [LogisticRegression(), RandomForestClassifier(5, random_state=0), HistGradientBoostingClassifier(max_iter=5)],
    ids=lambda learner: type(learner).__name__,
)
def test_a_pipeline_of_a_table_answers_as_it_did_and_so_does_its_package(learner: Any) -> None:
    fitted = pipeline(learner).fit(rows(), labels(rows()))
    model = read(fitted)
    assert [field.name for field in model.inputs] == ["town", "amount", "months"]
    unpacked = model_package.unpack(model_package.pack(model, frame(rows()).take(slice(0, 32))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_answers(model, frame(rows()).take(slice(0, 20)))
        output = unpacked.predict(frame(rows()))
    np.testing.assert_array_equal(output.probabilities, fitted.predict_proba(rows()))
    assert output.values == fitted.predict(rows()).tolist()


def test_a_pipeline_of_a_matrix_takes_all_fields_in_declared_order() -> None:
    codes = rows()["town"].replace_strict({"york": 0.0, "bath": 1.0, "hull": np.nan}).to_numpy()
    matrix = np.column_stack([rows()["amount"].to_numpy(), rows()["months"].to_numpy(), codes])
    fitted = RandomForestRegressor(5, random_state=0).fit(matrix, np.nan_to_num(matrix[:, 0]))
    assert read(fitted, "regression", ()).predict(frame(rows())).values == fitted.predict(matrix).tolist()


def test_the_classes_of_a_pipeline_may_come_in_another_order() -> None:
    fitted = pipeline(LogisticRegression()).fit(rows(), labels(rows()))
    output = read(fitted, "multiclass", ("yes", "maybe", "no")).predict(frame(rows()))
    assert output.probabilities is not None
    np.testing.assert_array_equal(output.probabilities[:, [2, 0]], fitted.predict_proba(rows()))
    assert not output.probabilities[:, 1].any()


def of_another_release() -> bytes:
    return rewritten(lambda schema: schema.replace(r"\"1.", r"\"0."))


def of_another_type() -> bytes:
    return rewritten(lambda schema: schema.replace('"sklearn.linear_model._logistic"', '"os"'))


def rewritten(change: Any) -> bytes:
    saved, out = skops.io.dumps(LogisticRegression().fit(np.eye(3), [0, 1, 0])), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content.decode()) if name == "schema.json" else content)
    return out.getvalue()


def dumped(estimator: Any, matrix: Any, targets: Any) -> bytes:
    return bytes(skops.io.dumps(estimator.fit(matrix, targets)))


def claiming_much() -> bytes:
    """An array of a petabyte, by its header."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 47,)})
    return rewritten_array(header.getvalue())


def rewritten_array(content: bytes) -> bytes:
    saved, out = skops.io.dumps(LogisticRegression().fit(np.eye(3), [0, 1, 0])), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, content if name.endswith(".npy") else old.read(name))
    return out.getvalue()


REFUSED = {
    "another archive": (b"PK\x03\x04 and so on", "skops did not save this"),
    "an untrusted type": (dumped(GaussianNB(), np.eye(3), ["no", "yes", "no"]), "not trusted: sklearn.naive_bayes"),
    "code": (of_another_type(), "types that are not trusted: os.LogisticRegression"),
    "another release": (of_another_release(), r"it was fitted by scikit-learn 0\.\d+"),
    "an array that claims more than it has": (claiming_much(), "is not a whole array"),
    "other classes": (dumped(LogisticRegression(), np.eye(3), [0, 1, 0]), "it answers 0, 1; .* classes are no, yes"),
    "other columns": (dumped(LogisticRegression(), np.eye(4), ["no", "yes"] * 2), "it takes 4 columns; .* 3 features"),
    "no probabilities": (dumped(Ridge(), np.eye(3), [0, 1, 0]), "it has no predict_proba"),
    "other names": (
        dumped(Ridge(), pl.DataFrame({"age": [1.0, 2.0]}), [0, 1]),
        "it takes age, no features of the stream; these are: amount, months, town",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_one_line(name: str) -> None:
    content, words = REFUSED[name]
    with pytest.raises(BadModelFile, match=words) as refused:
        read_model_file(content, FIELDS, TOWNS, "binary", CLASSES)
    assert "\n" not in str(refused.value)


def test_what_is_kept_is_canonical() -> None:
    model = read(pipeline(LogisticRegression()).fit(rows(), labels(rows())))
    package = model_package.pack(model, frame(rows()).take(slice(0, 8)))
    assert model_package.pack(model_package.unpack(package), frame(rows()).take(slice(0, 8))) == package
    assert json.loads(model_package.zip_archive.read(package)["manifest.json"])["pipeline"]["texts"] is True
