"""The columns of an encoder's matrix, made of one input for each field and each part of the time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from penstock.console.export.graph.builder import GraphBuilder
from penstock.ml.features.feature_encoder import Encoder


class NoGraph(Exception):
    """A model that is not written as a graph; the message says why."""


def add_columns(graph: GraphBuilder, encoder: Encoder) -> tuple[list[str], dict[int, str]]:
    """The columns, each a double of shape [N, 1], and the codes of categories, of shape [N], by their columns.

    A missing text is the empty one. The code of one that is missing or unknown is the number of codes.

    Raises:
        NoGraph: the empty text is a category.
    """
    columns: list[str] = []
    further: list[str] = []
    codes: dict[int, str] = {}
    for index, field in enumerate(encoder.fields):
        if field.kind == "number":
            columns.append(graph.column(graph.input(field.name, TensorProto.DOUBLE)))
        elif field.name in encoder.statistics:
            means = _means(graph, encoder, field.name)
            columns.append(means[0])
            further.extend(means[1:])
        else:
            codes[index] = _codes(graph, field.name, encoder.vocabularies[field.name])
            numbers = np.array([*range(encoder.cardinalities[index]), np.nan], dtype=np.float64)
            columns.append(graph.column(graph.add("Gather", graph.constant(numbers), codes[index])))
    columns += [graph.column(graph.input(f"time.{part}", TensorProto.DOUBLE)) for part in encoder.time_parts]
    return [*columns, *further], codes


def _codes(graph: GraphBuilder, name: str, texts: Sequence[str], missing: int | None = None) -> str:
    if "" in texts:
        raise NoGraph(f"the empty text is a category of {name}, and stands for a missing one in a graph")
    keys, places = [*texts, ""], [*range(len(texts)), len(texts) if missing is None else missing]
    given = graph.input(name, TensorProto.STRING)
    return graph.add(
        "LabelEncoder", given, domain="ai.onnx.ml", keys_strings=keys, values_int64s=places, default_int64=len(texts)
    )


def _means(graph: GraphBuilder, encoder: Encoder, name: str) -> list[str]:
    """The mean targets of each category, those of all rows for an unknown one, NaN for a missing one."""
    statistics = encoder.statistics[name]
    count, width = len(statistics.categories), statistics.width
    means = np.array(statistics.means, dtype=np.float64).reshape(count, width)
    table = np.vstack([means, statistics.overall, np.full(width, np.nan)])
    codes = _codes(graph, name, statistics.categories, missing=count + 1)
    return [graph.column(graph.add("Gather", graph.constant(table[:, target]), codes)) for target in range(width)]
