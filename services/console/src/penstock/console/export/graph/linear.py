"""The family `linear` as a graph: imputed, clipped, scaled and ranked numbers, one-hot levels, and a sum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.console.export.graph.builder import GraphBuilder
from penstock.console.export.graph.inputs import NoGraph

Floats = NDArray[np.float64]


def add_linear(graph: GraphBuilder, columns: list[str], estimator: Any) -> str:
    """What the estimator gives: probabilities of its classes, [N, k], or numbers, [N, 1].

    Raises:
        NoGraph: the estimator is built otherwise.
    """
    parts = {"numbers": _numbers, "ranks": _ranks, "levels": _levels}
    terms = []
    for name, step, indices in estimator["columns"].transformers_:
        if name not in parts:
            raise NoGraph(f"its estimator has columns of a kind that has no graph: {name}")
        if len(indices):
            terms.append(parts[name](graph, graph.columns([columns[index] for index in indices]), step))
    learner = estimator["learner"]
    weights = np.atleast_2d(learner.coef_).T
    scores = graph.add("MatMul", graph.columns(terms), graph.constant(weights))
    scores = graph.add("Add", scores, graph.constant(np.reshape(learner.intercept_, (1, -1)).astype(np.float64)))
    if not hasattr(learner, "classes_"):
        return scores
    return add_two_classes(graph, scores) if len(learner.classes_) == 2 else graph.add("Softmax", scores, axis=1)


def add_two_classes(graph: GraphBuilder, scores: str) -> str:
    """The probabilities of two classes, [N, 2], from the log odds of the second, [N, 1]."""
    second = graph.add("Sigmoid", scores)
    return graph.columns([graph.add("Sub", graph.number(1.0), second), second])


def add_clip(graph: GraphBuilder, values: str) -> str:
    """Values brought between 0 and 1; NaN stays NaN."""
    zero, one = graph.number(0.0), graph.number(1.0)
    above = graph.add("Where", graph.add("Less", values, zero), zero, values)
    return graph.add("Where", graph.add("Greater", above, one), one, above)


def _row(graph: GraphBuilder, values: Any) -> str:
    return graph.constant(np.reshape(np.asarray(values, dtype=np.float64), (1, -1)))


def _imputed(graph: GraphBuilder, values: str, imputing: Any) -> tuple[str, str]:
    """The values without gaps, and where the gaps are."""
    absent = graph.add("IsNaN", values)
    return graph.add("Where", absent, _row(graph, imputing.statistics_), values), absent


def _standardised(graph: GraphBuilder, values: str, scaling: Any) -> str:
    centred = graph.add("Sub", values, _row(graph, scaling.mean_))
    return graph.add("Div", centred, _row(graph, scaling.scale_))


def _numbers(graph: GraphBuilder, values: str, step: Any) -> str:
    imputing, clipping = step["impute"], step["clip"]
    imputed, absent = _imputed(graph, values, imputing)
    marked = imputing.indicator_.features_.astype(np.int64)
    if len(marked):
        indicators = graph.add("Cast", graph.add("Gather", absent, graph.constant(marked), axis=1), to=11)
        imputed = graph.columns([imputed, indicators])
    scaled = graph.add("Add", graph.add("Mul", imputed, _row(graph, clipping.scale_)), _row(graph, clipping.min_))
    return _standardised(graph, add_clip(graph, scaled), step["scale"])


def _ranks(graph: GraphBuilder, values: str, step: Any) -> str:
    imputed, _ = _imputed(graph, values, step["impute"])
    quantiles = step["rank"].quantiles_.T
    places = [graph.constant(np.array([index], dtype=np.int64)) for index in range(len(quantiles))]
    ranked = [
        _rank(graph, graph.add("Gather", imputed, place, axis=1), each, step["rank"].references_)
        for place, each in zip(places, quantiles, strict=True)
    ]
    return _standardised(graph, graph.columns(ranked), step["scale"])


def _rank(graph: GraphBuilder, value: str, quantiles: Floats, shares: Floats) -> str:
    """The share of values seen below one, [N, 1]: slopes between different quantiles, and jumps where some are equal.

    At a jump it is the mean of both sides, at the least value 0, at the greatest 1, as `QuantileTransformer` has it.
    """
    knots, first = np.unique(quantiles, return_index=True)
    last = np.append(first[1:], len(quantiles)) - 1
    low, high = shares[first], shares[last]
    beyond = graph.add("Cast", graph.add("Greater", value, _row(graph, knots)), to=11)
    at = graph.add("Cast", graph.add("Equal", value, _row(graph, knots)), to=11)
    at_knots = (high - low) / 2
    at_knots[-1] = high[-1] - low[-1]
    at_knots[0] = 0.0
    jumps = graph.add("MatMul", beyond, graph.constant((high - low)[:, None]))
    total = graph.add("Add", jumps, graph.add("MatMul", at, graph.constant(at_knots[:, None])))
    if len(knots) > 1:
        widths = np.diff(knots)
        passed = add_clip(
            graph, graph.add("Div", graph.add("Sub", value, _row(graph, knots[:-1])), _row(graph, widths))
        )
        total = graph.add("Add", total, graph.add("MatMul", passed, graph.constant((low[1:] - high[:-1])[:, None])))
    return total


def _levels(graph: GraphBuilder, values: str, step: Any) -> str:
    hot = []
    for index, levels in enumerate(step.categories_):
        value = graph.add("Gather", values, graph.constant(np.array([index], dtype=np.int64)), axis=1)
        known = levels[~np.isnan(levels)].astype(np.float64)
        if len(known):
            hot.append(graph.add("Cast", graph.add("Equal", value, _row(graph, known)), to=11))
        if len(known) < len(levels):  # NaN is the last level
            hot.append(graph.add("Cast", graph.add("IsNaN", value), to=11))
    return graph.columns(hot)
