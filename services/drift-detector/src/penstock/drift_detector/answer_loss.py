"""What an answer loses by the stream's objective: what rollouts are decided on, and champions judged by."""

from __future__ import annotations

from math import log, log1p

from penstock.contracts.declaration.answer_costs import answer_cost
from penstock.contracts.declaration.model_lifecycle import METRICS_OF_PROBABILITIES
from penstock.contracts.declaration.stream import Declaration
from penstock.ml.metrics import LARGEST_LOSS
from penstock.ml.metrics.objective import LOSSES

LEAST_PROBABILITY = 1e-15


def loss_name(declaration: Declaration) -> str:
    """The name of the loss, as in `LossMoments`; the error where classes that are not declared may be answered."""
    name = LOSSES[declaration.metric]
    return "error" if name == "log_loss" and not _is_of_probabilities(declaration) else name


def answer_loss(
    declaration: Declaration, value: str | float, probabilities: list[float] | None, label: str | float
) -> float | None:
    """The loss of one answer, at most `LARGEST_LOSS`; None where its probabilities are not of the declared classes."""
    if declaration.task == "regression":
        return min(_number_loss(declaration, float(value), float(label)), LARGEST_LOSS)
    if declaration.objective is not None and declaration.objective.costs is not None:
        return answer_cost(declaration.objective.costs, str(label), str(value))
    if not _is_of_probabilities(declaration):
        return float(value != label)
    classes = declaration.label.classes
    if probabilities is None or len(probabilities) != len(classes) or label not in classes:
        return None
    return -log(max(probabilities[classes.index(str(label))], LEAST_PROBABILITY))


def _is_of_probabilities(declaration: Declaration) -> bool:
    label = declaration.label
    return declaration.metric in METRICS_OF_PROBABILITIES and bool(label.classes) and label.new_classes == "refuse"


def _number_loss(declaration: Declaration, value: float, label: float) -> float:
    error = label - value
    match declaration.metric:
        case "rmse":
            return float(min(abs(error), LARGEST_LOSS**0.5) ** 2)
        case "rmsle":
            return float((log1p(max(label, 0.0)) - log1p(max(value, 0.0))) ** 2)
        case "pinball":
            quantile = 0.5 if declaration.objective is None else declaration.objective.quantile
            return max(quantile * error, (quantile - 1) * error)
        case _:
            return abs(error)
