"""A model as a graph answers as its version does, elsewhere and when it is pushed; or there is no graph."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from penstock.console.export.model_folder import write_folder
from penstock.console.export.onnx_folder import graph_inputs, graph_of, prove_graph, write_onnx
from penstock.console.failure import ConsoleFailure
from penstock.ml.fused.probe_rows import probe_rows
from penstock.ml.models.calibration import Calibration
from penstock.ml.models.families import FAMILIES, fit
from penstock.ml.models.training_data import TrainingData
from penstock.ml.package.golden_rows import rows
from penstock.ml.package.model_file import read_model_file

from .exported_versions import FIELDS, exported, frame, labels, trained

ALL = [(family, task) for family in FAMILIES for task in ("binary", "multiclass", "regression")]


@pytest.mark.parametrize(("family", "task"), ALL)
def test_the_graph_in_a_folder_answers_as_the_version(family: str, task: str, tmp_path: Path) -> None:
    version = exported(trained(family, task), tmp_path)
    assert write_folder(tmp_path / "out", lambda folder: write_onnx(folder, version)) <= 1e-9
    golden = json.loads((tmp_path / "out" / "golden.json").read_text())
    given = graph_inputs(version.model, rows(golden, version.model.inputs))
    answers = onnxruntime.InferenceSession((tmp_path / "out" / "model.onnx").read_bytes()).run(None, given)
    if task == "regression":
        np.testing.assert_allclose(answers[0], golden["values"], rtol=1e-9)
    else:
        assert answers[0].tolist() == golden["values"]
        np.testing.assert_allclose(answers[1], golden["probabilities"], rtol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_goes_out_comes_in_again(family: str) -> None:
    table = frame()
    model = fit(
        family, TrainingData(table, labels(table, "multiclass"), FIELDS, "multiclass", ("low", "middle", "high"))
    )
    again = read_model_file(graph_of(model, "a model"), FIELDS, {"town": (), "shop": ()}, model.task, model.classes)
    probe = probe_rows(table.take(np.arange(64)), model.encoder, {})
    expected, found = model.predict(probe).probabilities, again.predict(probe).probabilities
    assert expected is not None
    assert found is not None
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_numbers_that_are_equal_have_the_rank_between_the_least_and_the_greatest() -> None:
    table = frame()
    table.columns["amount"] = np.round(np.nan_to_num(table.columns["amount"]) / 40) * 40  # most are 0
    table.columns["time"][:] = 7.0
    data = TrainingData(table, labels(frame(), "binary"), FIELDS, "binary", ("low", "middle"))
    model = fit("linear", data)
    session = onnxruntime.InferenceSession(graph_of(model, "a model"))
    found = session.run(["probabilities"], graph_inputs(model, table))[0]
    np.testing.assert_allclose(found, model.predict(table).probabilities, atol=1e-12)


def test_a_graph_that_answers_otherwise_is_not_kept(tmp_path: Path) -> None:
    version = exported(trained("linear", "binary"), tmp_path)
    other = replace(version, model=replace(version.model, calibration=Calibration(0.9, (0.0, 0.0))))

    def write(folder: Path) -> float:
        write_onnx(folder, version)
        return prove_graph(folder, other)

    with pytest.raises(ConsoleFailure, match=r"differ by up to .* not kept"):
        write_folder(tmp_path / "out", write)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda model: replace(model, family="additive"), "the family additive has no graph"),
        (lambda model: replace(model, encoder=with_empty_town(model.encoder)), "the empty text is a category of town"),
    ],
)
def test_a_model_without_a_graph_is_refused_in_words(change: Any, words: str, tmp_path: Path) -> None:
    version = exported(trained("linear", "binary"), tmp_path)
    without = replace(version, model=change(version.model))
    with pytest.raises(ConsoleFailure, match=f"version 4 of loans is not written as ONNX: {words}.* Use --sklearn"):
        write_folder(tmp_path / "out", lambda folder: write_onnx(folder, without))


def with_empty_town(encoder: Any) -> Any:
    return replace(encoder, vocabularies=encoder.vocabularies | {"town": ("", *encoder.vocabularies["town"][1:])})
