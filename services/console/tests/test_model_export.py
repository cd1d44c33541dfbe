"""An exported model answers as its version does, or there is no exported model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from penstock.artifacts import FileStore, Signer, Verifier, digest_of
from penstock.console.__main__ import application
from penstock.console.export.exported_version import ExportedVersion, open_version
from penstock.console.export.model_folder import write_folder
from penstock.console.export.penstock_model import open_model
from penstock.console.export.sklearn_folder import prove, write_sklearn
from penstock.console.failure import ConsoleFailure
from penstock.contracts.records.models import ModelVersion, subject_of
from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.features.lag_features import LabelHistory, Lags
from penstock.ml.models.baseline import baseline
from penstock.ml.models.calibration import Calibration
from penstock.ml.models.families import FAMILIES, fit
from penstock.ml.models.model import Model
from penstock.ml.models.training_data import TrainingData
from penstock.ml.online.blend import Blend
from penstock.ml.online.expert_mixture import ExpertMixture
from penstock.ml.package import model_package
from penstock.server.models.model_loader import ModelLoader

COUNT = 400
FIELDS = (Field("amount", "number"), Field("time", "number"), Field("town", "category"), Field("shop", "category"))


def frame() -> Frame:
    """Rows with values missing, more shops than have a code, and times over the change of clocks."""
    draw = np.random.default_rng(3)
    amounts = draw.lognormal(3, 2, COUNT)
    amounts[::11] = np.nan
    towns = [None if one % 13 == 0 else f"town-{draw.integers(6)}" for one in range(COUNT)]
    columns = {
        "amount": amounts,
        "time": draw.normal(size=COUNT),
        "town": column("category", towns),
        "shop": column("category", [f"shop-{draw.integers(300)}" for _ in range(COUNT)]),
    }
    return Frame(columns, times((np.arange(COUNT) * 5_000_003_000).tolist()))


def labels(rows: Frame, task: str) -> list[Any]:
    scores = np.nan_to_num(np.log(rows.columns["amount"])) + rows.columns["time"]
    if task == "regression":
        return scores.tolist()
    bounds = [3.0] if task == "binary" else [2.0, 4.0]
    return [("low", "middle", "high")[place] for place in np.searchsorted(bounds, scores)]


def trained(family: str, task: Any) -> Model:
    rows = frame()
    classes = {"binary": ("low", "middle"), "multiclass": ("low", "middle", "high")}.get(task, ())
    data = TrainingData(
        rows,
        labels(rows, task),
        FIELDS,
        task,
        classes,
        time_parts=("hour", "weekday", "yearday", "month"),
        zone="Europe/Paris",
    )
    model = fit(family, data)
    if task == "binary":
        return replace(model, calibration=Calibration(0.8, (0.1, -0.1)), decision_costs=((0.0, 1.0), (5.0, 0.0)))
    return model


def exported(model: Any, folder: Path, member: int | None = None) -> ExportedVersion:
    """A version as it is opened for an export, from a store in which it was signed."""
    key, store = Ed25519PrivateKey.generate(), FileStore(folder / "store")
    artifact = model_package.pack(model, frame().take(np.arange(64)))
    digest = store.put(artifact)
    assert digest == digest_of(artifact)
    envelope = Signer(key).sign(subject_of("loans", "run-1"), digest, "test/v1", {})
    version = ModelVersion(
        name="loans", version=4, family=model.family, digest=digest, envelope=envelope, run="run-1", schema_version=1
    )
    return open_version(ModelLoader(store, Verifier([key.public_key()])), "loans", version, member)


ALL = [(family, task) for family in FAMILIES for task in ("binary", "multiclass", "regression")]


@pytest.mark.parametrize(("family", "task"), ALL)
def test_the_estimator_in_a_folder_answers_as_the_version(family: str, task: str, tmp_path: Path) -> None:
    version = exported(trained(family, task), tmp_path)
    difference = write_folder(tmp_path / "out", lambda folder: write_sklearn(folder, version))
    assert difference <= 1e-12
    golden = json.loads((tmp_path / "out" / "golden.json").read_text())
    rows = golden["columns"] | {"event.time": [np.datetime64(ms, "ms").item().isoformat() for ms in golden["times"]]}
    answers = open_model(tmp_path / "out").predict(rows)
    if task == "regression":
        np.testing.assert_allclose(answers["prediction"], golden["values"], rtol=1e-12)
    else:
        assert list(answers["prediction"]) == golden["values"]


def test_what_answers_otherwise_is_not_kept(tmp_path: Path) -> None:
    version = exported(trained("linear", "binary"), tmp_path)
    other = replace(version, model=replace(version.model, calibration=Calibration(0.9, (0.0, 0.0))))

    def write(folder: Path) -> float:
        write_sklearn(folder, version)
        return prove(folder, other)

    with pytest.raises(ConsoleFailure, match=r"differ by up to .* not kept"):
        write_folder(tmp_path / "out", write)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ConsoleFailure, match="it exists already"):
        write_folder(tmp_path / "out", lambda _: 0.0)


def test_a_model_that_was_not_trained_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConsoleFailure, match="answers the same to every row"):
        exported(baseline("binary", ("low", "middle"), None, FIELDS), tmp_path)


def test_of_a_blend_its_members_are_exported(tmp_path: Path) -> None:
    blend = untaught_blend([trained("linear", "binary"), trained("boosting", "binary")])
    with pytest.raises(ConsoleFailure, match=r"--member: 1 \(linear\), 2 \(boosting\)"):
        exported(blend, tmp_path)
    with pytest.raises(ConsoleFailure, match="has these"):
        exported(blend, tmp_path, member=3)
    version = exported(blend, tmp_path, member=2)
    assert version.name == "version 4 of loans, member 2 (boosting)"
    assert write_folder(tmp_path / "out", lambda folder: write_sklearn(folder, version)) <= 1e-12


def untaught_blend(models: list[Model]) -> Blend:
    """A blend of models alone."""
    lags = Lags()
    return Blend(
        "binary",
        ("low", "middle"),
        models[0].encoder,
        lags,
        tuple(models),
        (),
        ExpertMixture(len(models)),
        LabelHistory(lags),
    )


@pytest.mark.parametrize("form", ["--onnx", "--bento", "--pmml"])
def test_a_form_that_is_not_written_is_refused_in_words(form: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        application(), ["model", "export", "loans", "4", form, "--output", str(tmp_path / "out")]
    )
    assert isinstance(result.exception, ConsoleFailure)
    assert "not written as" in str(result.exception)
    assert not (tmp_path / "out").exists()
