"""Small ONNX graphs for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from onnx import TensorProto, helper

Shape = Sequence[int | str]


def graph_of(
    nodes: Sequence[Any],
    inputs: Mapping[str, tuple[int, Shape]],
    outputs: Mapping[str, tuple[int, Shape]],
    numbers: Mapping[str, Sequence[float]] | None = None,
    **model: Any,
) -> Any:
    """A model of these nodes; `numbers` are vectors of doubles."""
    infos = [[helper.make_tensor_value_info(name, *one) for name, one in side.items()] for side in (inputs, outputs)]
    constants = [
        helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values) for name, values in (numbers or {}).items()
    ]
    graph = helper.make_graph(nodes, "graph", infos[0], infos[1], constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, **{"opset_imports": opsets, "ir_version": 9} | model)


def sigmoid_of(name: str = "amount", kind: int = TensorProto.DOUBLE, shape: Shape = ("N",)) -> bytes:
    """The sigmoid of one input: the probability of the second of two classes."""
    node = helper.make_node("Sigmoid", [name], ["p"])
    content: bytes = graph_of([node], {name: (kind, shape)}, {"p": (kind, shape)}).SerializeToString()
    return content
