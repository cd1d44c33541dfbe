"""Checks of an ONNX graph before ONNX Runtime reads it: only standard operators, nothing outside the file, an end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penstock.ml.models.onnx_graph import MissingRuntime

MAX_BYTES = 128 * 1024 * 1024
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
REFUSED = {
    "Loop": "need not end",
    **dict.fromkeys(("Bernoulli", "Multinomial"), "answers by chance"),
    **dict.fromkeys(("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"), "answers by chance"),
}


class BadGraph(ValueError):
    """The bytes are no ONNX graph that may be run; the message says why."""


def check_graph(content: bytes) -> None:
    """Check a graph.

    Raises:
        BadGraph: it is none, or may not be run.
        MissingRuntime: the package `onnx` is not installed.
    """
    try:
        import onnx  # noqa: PLC0415
    except ImportError:
        raise MissingRuntime from None
    if len(content) > MAX_BYTES:
        raise BadGraph(f"the graph takes {len(content):,} bytes, at most {MAX_BYTES:,} are read")
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # of protobuf, which has kinds of its own
        raise BadGraph(f"this is no ONNX model: {_first_line(error)}") from None
    _check_parts(model)
    try:
        onnx.checker.check_model(model)
    except Exception as error:
        raise BadGraph(f"the ONNX checker refuses it: {_first_line(error)}") from None


def _check_parts(model: Any) -> None:
    if model.functions or model.training_info:
        raise BadGraph("it has functions or training steps of its own: export it with operators alone (inlined)")
    for opset in model.opset_import:
        if opset.domain not in DOMAINS:
            raise BadGraph(f"it needs the operators of {opset.domain!r}; only ONNX's own are run (ai.onnx, ai.onnx.ml)")
    for graph in _graphs(model.graph):
        for tensor in _tensors(graph):
            if tensor.external_data or tensor.data_location:
                raise BadGraph(f"the tensor {tensor.name!r} lies in another file: save the model as one file")
        for node in graph.node:
            if node.domain not in DOMAINS:
                raise BadGraph(f"the node {node.name!r} is of {node.domain!r}: only ONNX's own operators are run")
            if node.op_type in REFUSED:
                raise BadGraph(f"the node {node.name!r} is a {node.op_type}, which {REFUSED[node.op_type]}")


def _graphs(graph: Any) -> Iterator[Any]:
    """The graph and those inside its nodes."""
    stack = [graph]
    while stack:
        one = stack.pop()
        yield one
        for attribute in _attributes(one):
            stack.extend([*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs])


def _tensors(graph: Any) -> Iterator[Any]:
    """All tensors of a graph."""
    yield from graph.initializer
    sparse = [*graph.sparse_initializer]
    for attribute in _attributes(graph):
        yield from [*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors]
        sparse.extend([*([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else [])])
        sparse.extend(attribute.sparse_tensors)
    for one in sparse:
        yield from (one.values, one.indices)


def _attributes(graph: Any) -> Iterator[Any]:
    return (attribute for node in graph.node for attribute in node.attribute)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
