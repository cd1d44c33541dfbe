"""A model's file is proven on golden rows before it is pushed, and what is said of it keeps its types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from penstock.console.demo.demo import demo_declaration
from penstock.console.failure import ConsoleFailure
from penstock.console.push.push_notes import matches, read_environment, read_metadata, read_trained_until
from penstock.console.push.push_package import push_package
from penstock.ml.package.model_package import unpack

DECLARATION = demo_declaration()
ROWS = [{"income": 30_000.0, "amount": 9_000.5, "purpose": "car"}, {"income": 61_000.0, "amount": 100.0}]


def graph() -> bytes:
    """The sigmoid of the amount in tens of thousands, of 32 bits."""
    nodes = [helper.make_node("Mul", ["amount", "scale"], ["score"]), helper.make_node("Sigmoid", ["score"], ["p"])]
    scale = helper.make_tensor("scale", TensorProto.FLOAT, [], [1e-4])
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1]) for name in ("amount", "p")]
    model = helper.make_graph(nodes, "g", infos[:1], infos[1:], [scale])
    content: bytes = helper.make_model(
        model, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    ).SerializeToString()
    return content


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    file = folder / "golden.ndjson"
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "model.onnx"
    file.write_bytes(graph())
    return file


def answer(row: dict[str, Any]) -> float:
    return float(1 / (1 + np.exp(-row["amount"] / 1e4)))


def test_a_model_that_gives_the_golden_answers_is_packed(file: Path, tmp_path: Path) -> None:
    golden = [row | {"prediction": "yes", "probability.yes": round(answer(row), 6)} for row in ROWS]
    package = push_package(file, DECLARATION, written(tmp_path, golden))
    assert package.proven_rows == 2
    assert [field.name for field in unpack(package.content).encoder.fields] == ["amount"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"probability.yes": 0.25}, r"row 1: probability.yes is 0.25 there, and 0.71\d* as the model is asked here"),
        ({"prediction": "no"}, "row 1: the answer is 'no' there, and 'yes' here"),
        ({"amount": "much"}, "row 1: amount: 'much' is no number"),
    ],
)
def test_one_that_answers_otherwise_is_refused(file: Path, tmp_path: Path, change: Any, words: str) -> None:
    golden = [row | {"prediction": "yes", "probability.yes": answer(row)} for row in ROWS]
    golden[0] |= change
    with pytest.raises(ConsoleFailure, match=words):
        push_package(file, DECLARATION, written(tmp_path, golden))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ROWS, "no answers: expected a column 'prediction'"),
        ([{"income": 3.0, "prediction": "yes"}], "the model takes fields that it lacks: amount"),
    ],
)
def test_golden_rows_hold_what_the_model_takes_and_answers(
    file: Path, tmp_path: Path, rows: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(ConsoleFailure, match=words):
        push_package(file, DECLARATION, written(tmp_path, rows))


def test_without_golden_rows_it_is_only_tried(file: Path) -> None:
    assert push_package(file, DECLARATION, None).proven_rows == 0


def test_another_file_is_refused_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    file.write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(ConsoleFailure, match=r"model.pt: it is a pickle, which runs what it holds"):
        push_package(file, DECLARATION, None)
    with pytest.raises(ConsoleFailure, match=r"gone.onnx: cannot be read: No such file"):
        push_package(tmp_path / "gone.onnx", DECLARATION, None)


def test_metadata_keeps_its_types_and_is_found_by_them() -> None:
    said = read_metadata(["auc=0.91", "trees=500", "team=risk", "audited=true", 'ticket="17"', "note=a=b"])
    assert said == {"auc": 0.91, "trees": 500, "team": "risk", "audited": True, "ticket": "17", "note": "a=b"}
    assert matches(said, read_metadata(["trees=500", "team=risk"]))
    assert not matches(said, {"ticket": 17})
    assert not matches({"trees": 1}, {"trees": True})
    with pytest.raises(ConsoleFailure, match="--metadata auc: expected KEY=VALUE"):
        read_metadata(["auc"])


def test_an_environment_is_what_pip_freeze_writes(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("# made with\ntorch==2.8.0\nnumpy[x] == 2.3.1 ; python_version > '3'\n-e ./ours\n")
    assert read_environment(file) == {"torch": "2.8.0", "numpy": "2.3.1"}
    file.write_text("nothing\n")
    with pytest.raises(ConsoleFailure, match=r"expected lines such as torch==2\.8\.0"):
        read_environment(file)


def test_a_time_without_a_zone_is_of_utc() -> None:
    assert read_trained_until("2026-03-01") == "2026-03-01T00:00:00+00:00"
    with pytest.raises(ConsoleFailure, match="--trained-until spring"):
        read_trained_until("spring")
