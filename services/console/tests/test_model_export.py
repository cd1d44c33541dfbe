"""An exported model answers as its version does, or there is no exported model."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from penstock.client.exported_model import open_model
from penstock.client.sklearn_model import open_archive
from penstock.console.__main__ import application
from penstock.console.export.model_folder import write_folder
from penstock.console.export.sklearn_folder import prove, write_sklearn
from penstock.console.failure import ConsoleFailure
from penstock.ml.features.lag_features import LabelHistory, Lags
from penstock.ml.models.baseline import baseline
from penstock.ml.models.calibration import Calibration
from penstock.ml.models.families import FAMILIES
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.ml.online.expert_mixture import ExpertMixture

from .exported_versions import FIELDS, exported, trained

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
    opened = open_archive(zipped(tmp_path / "out"))
    zoned = rows | {"event.time": [f"{time}Z" for time in rows["event.time"]]}
    assert opened.predict(pa.table(zoned)).tolist() == list(answers["prediction"])
    assert hasattr(opened, "predict_proba") == hasattr(opened, "classes_") == (task != "regression")


def zipped(folder: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    return file.getvalue()


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


def test_a_form_that_is_not_written_is_refused_in_words(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        application(), ["model", "export", "loans", "4", "--pmml", "--output", str(tmp_path / "out")]
    )
    assert isinstance(result.exception, ConsoleFailure)
    assert "not written as PMML" in str(result.exception)
    assert "--sklearn, --bento, --onnx" in str(result.exception)
    assert not (tmp_path / "out").exists()
