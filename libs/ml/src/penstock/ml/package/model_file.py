"""A model that was made elsewhere, in the file of its framework: as a model of a stream, or refused in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Field, Frame
from penstock.ml.features.task import Task
from penstock.ml.models.graph_layout import WHOLE, BadLayout, GraphLayout
from penstock.ml.models.model import Model, UnusableAnswer
from penstock.ml.models.onnx_graph import ONNX, MissingRuntime, OnnxGraph
from penstock.ml.models.row_pipeline import SKLEARN
from penstock.ml.package.estimator_bytes import UntrustedEstimator
from penstock.ml.package.golden_rows import GRAPH_TOLERANCE
from penstock.ml.package.graph_check import BadGraph, check_graph
from penstock.ml.package.pipeline_file import BadPipeline, read_pipeline

_PICKLE = b"\x80"
_ZIP = b"PK\x03\x04"


class BadModelFile(ValueError):
    """The file holds no model that the stream can use; the message is one line that says why."""


def read_model_file(
    content: bytes,
    fields: Sequence[Field],
    categories: Mapping[str, Sequence[str]],
    task: Task,
    classes: Sequence[str],
    optional: Collection[str] = (),
) -> Model:
    """The model in a file. Nothing in it is run but what ONNX Runtime or trusted types of scikit-learn compute.

    Args:
        content: of the file.
        fields: the stream's features, in declared order.
        categories: those that each category lists, whose indices are its codes where a model takes a matrix.
        task: the stream's.
        classes: the stream's, in declared order; none for a regression.
        optional: names of the fields that may be missing from an event.

    Raises:
        BadModelFile: it holds none, or one that does not fit; the message names the tensor.
    """
    if content.startswith(_PICKLE):
        raise BadModelFile("it is a pickle, which runs what it holds and is not opened: save it with skops, or as ONNX")
    encoder = Encoder(
        tuple(fields), {one.name: tuple(categories[one.name]) for one in fields if one.kind == "category"}
    )
    if content.startswith(_ZIP):
        return _pipeline_model(content, encoder, task, tuple(classes))
    return _graph_model(content, encoder, task, tuple(classes), optional)


def check_answers(model: Model, rows: Frame) -> None:
    """Check that a model has an answer to each row, and the same to a row by itself as among others.

    Raises:
        BadModelFile: it has not.
    """
    width = len(model.classes) or 1
    try:
        together = model.predict(rows).numbers(width)
        alone = [model.predict(rows.take([row])).numbers(width) for row in range(len(rows))]
    except UnusableAnswer as error:
        raise BadModelFile(str(error)) from None
    close = np.isclose(together, np.concatenate(alone), rtol=GRAPH_TOLERANCE, atol=GRAPH_TOLERANCE)
    if not close.all():
        row = int(np.argmin(close.all(axis=1)))
        raise BadModelFile(
            f"it answers row {row} otherwise by itself than among others: rows must not depend on others"
        )


def _pipeline_model(content: bytes, encoder: Encoder, task: Task, classes: tuple[str, ...]) -> Model:
    try:
        pipeline = read_pipeline(content, encoder, task, classes)
    except (UntrustedEstimator, BadPipeline) as error:
        raise BadModelFile(str(error)) from None
    except Exception as error:  # crafted content can make anything fail
        raise BadModelFile(f"the pipeline cannot be used: {type(error).__name__}: {error}") from None
    return Model(SKLEARN, task, classes, pipeline.encoder, pipeline)


def _graph_model(
    content: bytes, encoder: Encoder, task: Task, classes: tuple[str, ...], optional: Collection[str]
) -> Model:
    """The model of a graph, whose inputs are the fields that it takes."""
    try:
        check_graph(content)
        layout = OnnxGraph(content, encoder, classes).layout
    except (BadGraph, BadLayout, MissingRuntime) as error:
        raise BadModelFile(str(error)) from None
    except Exception as error:  # ONNX Runtime has kinds of its own
        raise BadModelFile(f"ONNX Runtime does not open it: {str(error).strip().splitlines()[0][:300]}") from None
    _check_optional(layout, optional)
    if layout.inputs:
        taken = {tensor.name for tensor in layout.inputs}
        fields = tuple(field for field in encoder.fields if field.name in taken)
        encoder = Encoder(fields, {name: texts for name, texts in encoder.vocabularies.items() if name in taken})
    return Model(ONNX, task, classes, encoder, OnnxGraph(content, encoder, classes))


def _check_optional(layout: GraphLayout, optional: Collection[str]) -> None:
    for tensor in layout.inputs:
        if tensor.type in WHOLE and tensor.name in optional:
            raise BadModelFile(
                f"input {tensor.text} takes whole numbers, which cannot be missing, and the field may be: declare it "
                'with missing = "refuse", or take it as float or double'
            )
