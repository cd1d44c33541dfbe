"""Builds an ONNX graph node by node."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, checker, helper, numpy_helper

OPSETS = {"": 17, "ai.onnx.ml": 5}
IR_VERSION = 10


class GraphBuilder:
    """A graph that grows: values are known by the names of the tensors that hold them."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._count = 0

    def input(self, name: str, kind: int) -> str:
        """An input of shape [N]."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, ["N"]))
        return name

    def output(self, value: str, name: str, kind: int, *lengths: int) -> None:
        """An output of shape [N, *lengths] that is the value."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, kind, ["N", *lengths]))

    def constant(self, values: NDArray[Any]) -> str:
        """An array; of texts where they are objects."""
        name = self._new_name("constant")
        if values.dtype == object:
            texts = [text.encode() for text in values.ravel().tolist()]
            self._constants.append(helper.make_tensor(name, TensorProto.STRING, values.shape, texts))
        else:
            self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def number(self, value: float) -> str:
        """A double by itself."""
        return self.constant(np.array(value, dtype=np.float64))

    def axes(self, *axes: int) -> str:
        """Axes, or a shape, as operators take them."""
        return self.constant(np.array(axes, dtype=np.int64))

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """A node with one output."""
        name = self._new_name(operator.lower())
        self._nodes.append(helper.make_node(operator, list(inputs), [name], name=name, domain=domain, **attributes))
        return name

    def column(self, value: str) -> str:
        """A value of shape [N] as one of shape [N, 1]."""
        return self.add("Reshape", value, self.axes(-1, 1))

    def columns(self, values: list[str]) -> str:
        """Values of shape [N, …] side by side."""
        return values[0] if len(values) == 1 else self.add("Concat", *values, axis=1)

    def content(self, name: str, documentation: str) -> bytes:
        """The bytes of the graph, which the checker has passed."""
        graph = helper.make_graph(self._nodes, name, self._inputs, self._outputs, self._constants)
        opsets = [helper.make_opsetid(domain, number) for domain, number in OPSETS.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="penstock")
        model.doc_string = documentation
        checker.check_model(model)
        content: bytes = model.SerializeToString()
        return content

    def _new_name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}/{self._count}"
