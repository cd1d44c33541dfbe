"""From what an estimator gives to what the model answers."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from penstock.console.export.graph.builder import GraphBuilder
from penstock.ml.models.calibration import FLOOR
from penstock.ml.models.model import Model

PREDICTION, PROBABILITIES = "prediction", "probabilities"


def add_answer(graph: GraphBuilder, model: Model, estimated: str) -> None:
    """The outputs: `prediction`, [N], and of classes `probabilities`, [N, k], in the order of the model's classes."""
    if not model.classes:
        graph.output(graph.add("Reshape", estimated, graph.axes(-1)), PREDICTION, TensorProto.DOUBLE)
        return
    probabilities = _calibrated(graph, model, _smoothed(graph, model, _of_all_classes(graph, model, estimated)))
    if model.decision_costs is None:
        decided = graph.add("ArgMax", probabilities, axis=1, keepdims=0)
    else:
        costs = graph.add("MatMul", probabilities, graph.constant(np.array(model.decision_costs, dtype=np.float64)))
        decided = graph.add("ArgMin", costs, axis=1, keepdims=0)
    names = graph.constant(np.array(model.classes, dtype=object))
    graph.output(graph.add("Gather", names, decided), PREDICTION, TensorProto.STRING)
    graph.output(probabilities, PROBABILITIES, TensorProto.DOUBLE, len(model.classes))


def _of_all_classes(graph: GraphBuilder, model: Model, probabilities: str) -> str:
    """With nothing for the classes that the estimator was not fitted on."""
    fitted, k = np.asarray(model.estimator.classes_), len(model.classes)
    if np.array_equal(fitted, np.arange(k)):
        return probabilities
    places = np.zeros((len(fitted), k))
    places[np.arange(len(fitted)), fitted] = 1.0
    return graph.add("MatMul", probabilities, graph.constant(places))


def _smoothed(graph: GraphBuilder, model: Model, probabilities: str) -> str:
    if not model.smoothing:
        return probabilities
    kept = graph.add("Mul", probabilities, graph.number(1 - model.smoothing))
    return graph.add("Add", kept, graph.number(model.smoothing / len(model.classes)))


def _calibrated(graph: GraphBuilder, model: Model, probabilities: str) -> str:
    if model.calibration is None:
        return probabilities
    logarithms = graph.add("Log", graph.add("Max", probabilities, graph.number(FLOOR)))
    scaled = graph.add("Mul", logarithms, graph.number(model.calibration.scale))
    biases = graph.constant(np.array([model.calibration.biases], dtype=np.float64))
    return graph.add("Softmax", graph.add("Add", scaled, biases), axis=1)
