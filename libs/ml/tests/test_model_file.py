"""Models that were made elsewhere are read as they are meant, or refused in one line that names what does not fit."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.models.model import Model, UnusableAnswer
from penstock.ml.package import model_package
from penstock.ml.package.model_file import BadModelFile, check_answers, read_model_file
from penstock.ml.package.model_package import UnusablePackage

from .graphs import graph_of, sigmoid_of

FIELDS = (Field("amount", "number"), Field("months", "number"), Field("town", "category"))
TOWNS = {"town": ("york", "bath")}
CLASSES = ("no", "yes")
D, F = TensorProto.DOUBLE, TensorProto.FLOAT


def frame() -> Frame:
    columns = {
        "amount": column("number", [0.5, -1.0, 2.0]),
        "months": column("number", [1, 2, 3]),
        "town": column("category", ["bath", "york", None]),
    }
    return Frame(columns, times([None] * 3))


def read(content: bytes, task: Any = "binary", optional: tuple[str, ...] = ()) -> Model:
    return read_model_file(content, FIELDS, TOWNS, task, () if task == "regression" else CLASSES, optional)


@pytest.mark.parametrize("kind", [D, F])
@pytest.mark.parametrize("shape", [("N",), ("N", 1)])
def test_an_input_by_the_name_of_a_field_takes_that_field(kind: int, shape: tuple[Any, ...]) -> None:
    model = read(sigmoid_of("amount", kind, shape))
    assert [field.name for field in model.inputs] == ["amount"]
    output = model.predict(frame())
    expected = 1 / (1 + np.exp(-frame().columns["amount"]))
    assert output.probabilities is not None
    np.testing.assert_allclose(output.probabilities[:, 1], expected, rtol=1e-6)
    assert output.values == ["yes", "no", "yes"]


def test_strings_are_given_to_categories_and_whole_numbers_to_numbers() -> None:
    nodes = [
        helper.make_node("OneHotEncoder", ["town"], ["hot"], domain="ai.onnx.ml", cats_strings=["bath", "york"]),
        helper.make_node("ReduceSum", ["hot", "axis"], ["known"], keepdims=0),
        helper.make_node("Cast", ["months"], ["whole"], to=F),
        helper.make_node("Add", ["known", "whole"], ["sum"]),
    ]
    inputs = {"town": (TensorProto.STRING, ["N"]), "months": (TensorProto.INT64, ["N"])}
    graph = graph_of(nodes, inputs, {"sum": (F, ["N"])})
    graph.graph.initializer.append(helper.make_tensor("axis", TensorProto.INT64, [1], [1]))
    model = read(graph.SerializeToString(), "regression")
    assert model.predict(frame()).values == [2.0, 3.0, 3.0]  # a missing town is the empty text
    broken = frame()
    broken.columns["months"][1] = np.nan
    with pytest.raises(UnusableAnswer, match="input 'months' takes whole numbers, and the field is missing"):
        model.predict(broken)
    with pytest.raises(BadModelFile, match=r"input 'months' .* cannot be missing"):
        read(graph.SerializeToString(), "regression", optional=("months",))


def test_a_matrix_takes_all_fields_in_declared_order_with_categories_by_their_place() -> None:
    node = helper.make_node("ReduceSum", ["X", "axis"], ["sum"], keepdims=1)
    graph = graph_of([node], {"X": (D, ["N", 3])}, {"sum": (D, ["N", 1])})
    graph.graph.initializer.append(helper.make_tensor("axis", TensorProto.INT64, [1], [1]))
    rows = frame().take([0, 1])
    assert read(graph.SerializeToString(), "regression").predict(rows).values == [2.5, 1.0]
    with pytest.raises(BadModelFile, match="'town' lists no categories"):
        read_model_file(graph.SerializeToString(), FIELDS, {"town": ()}, "regression", ())


def test_a_package_holds_it_and_answers_as_it_did() -> None:
    model = read(sigmoid_of())
    data = model_package.pack(model, frame())
    unpacked, golden = model_package.unpack_with_golden(data)
    assert isinstance(unpacked, Model)
    assert unpacked.family == "onnx"
    assert unpacked.unfused_reason == "no fused form of OnnxGraph is known"
    np.testing.assert_array_equal(unpacked.predict(golden).probabilities, model.predict(frame()).probabilities)
    assert model_package.pack(unpacked, frame()) == data


def test_a_package_is_refused_in_words_where_onnx_runtime_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = model_package.pack(read(sigmoid_of()), frame())
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UnusablePackage, match=r"onnxruntime is not installed here: pip install 'penstock-ml\[onnx\]'"):
        model_package.unpack(data)


def doubled(**model: Any) -> Any:
    return graph_of(
        [helper.make_node("Sigmoid", ["amount"], ["p"])], {"amount": (D, ["N"])}, {"p": (D, ["N"])}, **model
    )


def of_domain() -> bytes:
    node = helper.make_node("Evil", ["amount"], ["p"], domain="com.evil")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.evil", 1)]
    graph = graph_of([node], {"amount": (D, ["N"])}, {"p": (D, ["N"])}, opset_imports=opsets)
    content: bytes = graph.SerializeToString()
    return content


def with_external_data(nested: bool) -> bytes:
    graph = doubled()
    tensor = helper.make_tensor("w", D, [1], [1.0])
    tensor.ClearField("double_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    if nested:
        graph.graph.node.append(helper.make_node("Constant", [], ["w"], value=tensor))
    else:
        graph.graph.initializer.append(tensor)
    content: bytes = graph.SerializeToString()
    return content


def with_node(kind: str, **attributes: Any) -> bytes:
    graph = doubled()
    graph.graph.node.append(helper.make_node(kind, [], ["unused"], **attributes))
    content: bytes = graph.SerializeToString()
    return content


def with_branch() -> bytes:
    """Chance in one of the branches of a node."""
    graph = doubled()
    branch = helper.make_graph(
        [helper.make_node("RandomNormal", [], ["drawn"], shape=[1])],
        "branch",
        [],
        [helper.make_tensor_value_info("drawn", F, [1])],
    )
    graph.graph.initializer.append(helper.make_tensor("always", TensorProto.BOOL, [], [True]))
    graph.graph.node.append(helper.make_node("If", ["always"], ["unused"], then_branch=branch, else_branch=branch))
    content: bytes = graph.SerializeToString()
    return content


def two_outputs() -> bytes:
    nodes = [helper.make_node("Sigmoid", ["amount"], [name]) for name in ("p", "q")]
    graph = graph_of(nodes, {"amount": (D, ["N"])}, {"p": (D, ["N"]), "q": (D, ["N"])})
    content: bytes = graph.SerializeToString()
    return content


def label_alone() -> bytes:
    node = helper.make_node("Cast", ["amount"], ["label"], to=TensorProto.INT64)
    graph = graph_of([node], {"amount": (D, ["N"])}, {"label": (TensorProto.INT64, ["N"])})
    content: bytes = graph.SerializeToString()
    return content


REFUSED = {
    "a pickle": (pickle.dumps({}), "it is a pickle, which runs what it holds"),
    "no model": (b"hello", "this is no ONNX model|refuses it"),
    "nothing": (b"", "refuses it|no input"),
    "own operators": (of_domain(), "com.evil"),
    "another file": (with_external_data(nested=False), "'w' lies in another file"),
    "another file, inside a node": (with_external_data(nested=True), "'w' lies in another file"),
    "chance": (with_node("RandomNormal", shape=[1]), "RandomNormal, which answers by chance"),
    "chance, inside a node": (with_branch(), "RandomNormal, which answers by chance"),
    "another field": (sigmoid_of("income"), "input 'income' .* is no feature"),
    "a category as a number": (sigmoid_of("town"), "input 'town' .* the field is a category"),
    "a fixed axis": (sigmoid_of("amount", D, (1,)), "'amount' .* its first axis is the rows"),
    "a wide field": (sigmoid_of("amount", D, ("N", 2)), r"input 'amount' .* has the shape \[N\] or \[N, 1\]"),
    "a narrow matrix": (sigmoid_of("X", D, ("N", 2)), "input 'X' .* the stream has 3 features: amount, months, town"),
    "two answers": (two_outputs(), "outputs 'p' .* and 'q' .* could both be the answer"),
    "a label alone": (label_alone(), r"the probabilities of 2 classes, \[N, 2\] .* the outputs are 'label'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_one_line(name: str) -> None:
    content, words = REFUSED[name]
    with pytest.raises(BadModelFile, match=words) as refused:
        read(content)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("make", [of_domain, lambda: with_external_data(nested=True)])
def test_a_package_with_a_graph_that_may_not_be_run_is_refused(make: Any) -> None:
    model = read(sigmoid_of())
    data = model_package.pack(model, frame())
    graph, other = model.estimator.content, make()
    members = model_package.zip_archive.read(data)
    members["estimator.onnx"] = other
    manifest = members["manifest.json"].replace(digest(graph), digest(other))
    with pytest.raises(UnusablePackage, match=r"com.evil|another file"):
        model_package.unpack(model_package.zip_archive.write(members | {"manifest.json": manifest}))


def digest(content: bytes) -> bytes:
    import hashlib  # noqa: PLC0415

    return hashlib.sha256(content).hexdigest().encode()


def test_scores_are_no_probabilities() -> None:
    node = helper.make_node("Identity", ["amount"], ["score"])
    model = read(graph_of([node], {"amount": (D, ["N"])}, {"score": (D, ["N"])}).SerializeToString())
    with pytest.raises(BadModelFile, match=r"row 1 cannot be used: output 'score' is 2, -1, .* no probabilities"):
        check_answers(model, frame())


def test_rows_that_depend_on_others_are_refused() -> None:
    nodes = [helper.make_node("ReduceMean", ["amount"], ["mean"]), helper.make_node("Sub", ["amount", "mean"], ["out"])]
    model = read(graph_of(nodes, {"amount": (D, ["N"])}, {"out": (D, ["N"])}).SerializeToString(), "regression")
    with pytest.raises(BadModelFile, match="otherwise by itself than among others"):
        check_answers(model, frame())
    check_answers(replace(model), frame().take([0]))
