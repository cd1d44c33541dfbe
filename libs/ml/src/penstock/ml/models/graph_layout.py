"""Which field each input of an ONNX graph takes, and which of its outputs is the answer: by names, types and shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Field

FLOATS = {"tensor(float)": "float32", "tensor(double)": "float64"}
WHOLE = {"tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(bool)": "bool"}
STRINGS = "tensor(string)"


class BadLayout(ValueError):
    """A graph's input or output that cannot be used; the message names the tensor and says what was expected."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output: its name, its type as ONNX Runtime writes it, and its shape; a text or None is any length."""

    name: str
    type: str
    shape: tuple[int | str | None, ...]

    @property
    def text(self) -> str:
        """The tensor in words."""
        lengths = ", ".join("N" if not isinstance(length, int) else str(length) for length in self.shape)
        return f"{self.name!r} ({self.type} [{lengths}])"

    @property
    def width(self) -> int | None:
        """The length of its second axis; 1 where it has none, None where it is any."""
        if len(self.shape) < 2:
            return 1
        return length if isinstance(length := self.shape[1], int) else None


@dataclass(frozen=True, slots=True)
class GraphLayout:
    """What a graph is given, and where its answer is.

    `inputs` are by the name of a field each; where there are none, `matrix` is the one input that takes all fields.
    """

    inputs: tuple[Tensor, ...]
    matrix: Tensor | None
    output: Tensor


def layout_of(
    inputs: Sequence[Tensor], outputs: Sequence[Tensor], encoder: Encoder, classes: Sequence[str]
) -> GraphLayout:
    """The layout of a graph that answers rows with the encoder's fields, by these classes (none: by a number).

    Raises:
        BadLayout: a tensor does not fit.
    """
    if not inputs:
        raise BadLayout("the graph has no input: it would answer the same to every row")
    fields = {field.name: field for field in encoder.fields}
    for tensor in (*inputs, *outputs):
        if tensor.shape and isinstance(tensor.shape[0], int) and tensor.type.startswith("tensor"):
            raise BadLayout(
                f"{tensor.text}: its first axis is the rows, and must be of any length: export it as dynamic"
            )
    output = _output(outputs, classes)
    if len(inputs) == 1 and inputs[0].name not in fields:
        return GraphLayout((), _matrix(inputs[0], encoder), output)
    for tensor in inputs:
        if tensor.name not in fields:
            names = ", ".join(fields)
            raise BadLayout(f"input {tensor.text} is no feature of the stream; these are: {names}")
        _check_input(tensor, fields[tensor.name])
    return GraphLayout(tuple(inputs), None, output)


def _check_input(tensor: Tensor, field: Field) -> None:
    if len(tensor.shape) not in (1, 2) or tensor.width not in (1, None):
        raise BadLayout(f"input {tensor.text}: one field has the shape [N] or [N, 1]")
    fits = tensor.type == STRINGS if field.kind == "category" else tensor.type in FLOATS | WHOLE
    if not fits:
        expected = "strings" if field.kind == "category" else "float, double, int64, int32 or bool"
        raise BadLayout(f"input {tensor.text}: the field is a {field.kind}, which is given as {expected}")


def _matrix(tensor: Tensor, encoder: Encoder) -> Tensor:
    names = ", ".join(field.name for field in encoder.fields)
    if tensor.type not in FLOATS or len(tensor.shape) != 2:
        raise BadLayout(f"input {tensor.text} is no feature ({names}), nor a matrix of all: float or double [N, F]")
    if tensor.width not in (len(encoder.fields), None):
        raise BadLayout(f"input {tensor.text}: the stream has {len(encoder.fields)} features: {names}")
    unlisted = [
        field.name for field in encoder.fields if field.kind == "category" and not encoder.vocabularies[field.name]
    ]
    if unlisted:
        raise BadLayout(
            f"input {tensor.text}: the category {unlisted[0]!r} lists no categories, so it has no codes for a matrix; "
            "list them in the declaration, or give each field an input of its own, with strings"
        )
    return tensor


def _output(outputs: Sequence[Tensor], classes: Sequence[str]) -> Tensor:
    """The one output of floats that fits."""
    if mapped := [tensor for tensor in outputs if tensor.type.startswith("seq(map")]:
        raise BadLayout(f"output {mapped[0].name!r} is a list of maps: export the model with the option zipmap=False")
    floats = [tensor for tensor in outputs if tensor.type in FLOATS]
    widths = {1, None} if not classes else {len(classes), None, 1 if len(classes) == 2 else len(classes)}
    fitting = [tensor for tensor in floats if len(tensor.shape) in (1, 2) and tensor.width in widths]
    if len(fitting) == 1:
        return fitting[0]
    expected = (
        "a number, [N] or [N, 1]"
        if not classes
        else f"the probabilities of {len(classes)} classes, [N, {len(classes)}]"
    )
    if fitting:
        raise BadLayout(f"outputs {' and '.join(tensor.text for tensor in fitting)} could both be the answer: keep one")
    found = ", ".join(tensor.text for tensor in outputs) or "none"
    raise BadLayout(f"the answer is {expected} as float or double; the outputs are {found}")
