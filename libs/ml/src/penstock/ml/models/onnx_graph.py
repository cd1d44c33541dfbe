"""A model that comes as an ONNX graph, run by ONNX Runtime on one thread of the processor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.feature_encoder import Encoder, column_of
from penstock.ml.features.frame import Frame
from penstock.ml.models.graph_layout import FLOATS, STRINGS, WHOLE, GraphLayout, Tensor, layout_of
from penstock.ml.models.model import UnusableAnswer

Floats = NDArray[np.float64]
ONNX = "onnx"
SUM_TOLERANCE = 1e-3  # of probabilities, by which a sum may differ from one: that of many floats of 32 bits


class MissingRuntime(ImportError):
    """ONNX Runtime is not installed; the message says how it is."""

    def __init__(self) -> None:
        super().__init__("it is an ONNX graph, and onnxruntime is not installed here: pip install 'penstock-ml[onnx]'")


@dataclass(frozen=True, eq=False)
class OnnxGraph:
    """A graph that answers frames with the encoder's fields, by these classes (none: by a number).

    It gives the classes' probabilities in their order; of two classes perhaps that of the second alone.
    """

    content: bytes
    encoder: Encoder
    classes: tuple[str, ...]

    @property
    def classes_(self) -> NDArray[np.int64]:
        """Indices of the classes, in the order of the probabilities."""
        return np.arange(len(self.classes))

    @cached_property
    def layout(self) -> GraphLayout:
        """Which field each input takes, and which output is the answer.

        Raises:
            BadLayout: a tensor does not fit.
            MissingRuntime: ONNX Runtime is not installed.
        """
        inputs, outputs = _tensors(self._session.get_inputs()), _tensors(self._session.get_outputs())
        return layout_of(inputs, outputs, self.encoder, self.classes)

    def answer_frame(self, frame: Frame) -> Floats:
        """Probabilities, shape (n, k), or numbers, shape (n,).

        Raises:
            UnusableAnswer: the graph fails, or its output is misshapen or holds no probabilities.
            WrongFields: the frame lacks a field.
        """
        layout = self.layout
        given = {tensor.name: self._values(tensor, frame) for tensor in layout.inputs}
        if layout.matrix is not None:
            matrix = self.encoder.transform(frame)
            given[layout.matrix.name] = np.ascontiguousarray(matrix, FLOATS[layout.matrix.type])
        try:
            (output,) = self._session.run([layout.output.name], given)
        except Exception as error:  # a graph may fail in as many ways as it has nodes
            raise UnusableAnswer(0, f"the graph fails: {_first_line(error)}") from None
        numbers = np.asarray(output, dtype=np.float64)
        return self._probabilities(numbers) if self.classes else numbers.reshape(-1)

    @cached_property
    def _session(self) -> Any:
        try:
            import onnxruntime  # noqa: PLC0415
        except ImportError:
            raise MissingRuntime from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what is wrong comes as an exception, too
        return onnxruntime.InferenceSession(self.content, options, providers=["CPUExecutionProvider"])

    def _values(self, tensor: Tensor, frame: Frame) -> NDArray[Any]:
        """The field of an input, as its type and shape ask for; a missing text is empty."""
        field = next(field for field in self.encoder.fields if field.name == tensor.name)
        values = column_of(frame, field)
        if tensor.type == STRINGS:
            column = np.array(["" if value is None else value for value in values.tolist()], dtype=object)
        elif tensor.type in WHOLE:
            column = _whole(values, tensor.name).astype(WHOLE[tensor.type])
        else:
            column = values.astype(FLOATS[tensor.type])
        return column.reshape(-1, 1) if len(tensor.shape) == 2 else column

    def _probabilities(self, output: Floats) -> Floats:
        name, k = self.layout.output.name, len(self.classes)
        if k == 2 and (output.ndim == 1 or output.shape[1] == 1):
            second = output.reshape(-1)
            output = np.column_stack([1 - second, second])
        if output.ndim != 2 or output.shape[1] != k:
            raise UnusableAnswer(0, f"output {name!r} has the shape {output.shape}, expected [N, {k}]")
        sound = (np.abs(output.sum(axis=1) - 1) <= SUM_TOLERANCE) & (output >= -SUM_TOLERANCE).all(axis=1)
        if not sound.all():
            row = int(np.argmin(sound))
            shown = ", ".join(f"{number:.4g}" for number in output[row])
            raise UnusableAnswer(row, f"output {name!r} is {shown}, which are no probabilities: end with a Softmax")
        return np.asarray(np.clip(output, 0.0, 1.0))


def _whole(values: Floats, name: str) -> Floats:
    sound = np.isfinite(values) & (np.trunc(values) == values)
    if not sound.all():
        row = int(np.argmin(sound))
        what = "is missing" if np.isnan(values[row]) else f"is {values[row]:g}"
        raise UnusableAnswer(row, f"input {name!r} takes whole numbers, and the field {what}")
    return values


def _tensors(described: Sequence[Any]) -> list[Tensor]:
    return [Tensor(one.name, one.type, tuple(one.shape)) for one in described]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
