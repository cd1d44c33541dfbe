"""The figures of some answers: how many have labels, and what they score."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.monitoring import MetricValue
from penstock.ml.metrics import LARGEST_LOSS, classification_metrics, regression_metrics
from penstock.registry.quality.answers import Answer


class Figures(BaseModel):
    """What is known of some answers, on both clocks.

    Of `answers`, `labelled` have a label, `expired` got none within the horizon, and the rest waits; `coverage` is the
    share with a label. `first_event` and `last_event` are event times, `first_arrival` and `last_arrival` when the log
    took the first and the last outcome. `metrics` are over the labelled ones. `estimate` is the score that all answers
    are expected to have, without their labels.
    """

    model_config = ConfigDict(frozen=True)

    answers: int
    labelled: int
    expired: int
    coverage: float | None
    first_event: datetime | None
    last_event: datetime | None
    first_arrival: datetime | None
    last_arrival: datetime | None
    metrics: dict[str, MetricValue]
    estimate: float | None = None


def figures_of(declaration: Declaration, answers: Sequence[Answer], estimate: float | None = None) -> Figures:
    """The figures of some answers, in any order."""
    labelled = [answer for answer in answers if answer.label is not None]
    times = [answer.time for answer in answers]
    arrivals = [answer.arrived for answer in answers if answer.arrived is not None]
    return Figures(
        answers=len(answers),
        labelled=len(labelled),
        expired=len(arrivals) - len(labelled),
        coverage=len(labelled) / len(answers) if answers else None,
        first_event=min(times, default=None),
        last_event=max(times, default=None),
        first_arrival=_to_time(min(arrivals, default=None)),
        last_arrival=_to_time(max(arrivals, default=None)),
        metrics=metrics_of(declaration, labelled),
        estimate=estimate,
    )


def metrics_of(declaration: Declaration, labelled: Sequence[Answer]) -> dict[str, MetricValue]:
    """All metrics of the task that can be computed over answers with labels."""
    values, labels = [answer.prediction.value for answer in labelled], [answer.label for answer in labelled]
    if not labels:
        return {}
    if declaration.task == "regression":
        metrics = regression_metrics(_finite(values), _finite(labels))
    else:
        metrics = classification_metrics(
            values, labels, probabilities_of(labelled), declaration.label.classes, declaration.positive_class
        )
    return {name: MetricValue(value=found.value, low=found.low, high=found.high) for name, found in metrics.items()}


def probabilities_of(answers: Sequence[Answer]) -> NDArray[np.float64] | None:
    """The probabilities of the classes, shape (n, k); None where an answer has none, or they are not alike."""
    rows = [answer.prediction.probabilities for answer in answers]
    if not rows or None in rows or len({len(row) for row in rows if row}) != 1:
        return None
    return np.array(rows, dtype=np.float64)


def _finite(values: Sequence[str | float | None]) -> NDArray[np.float64]:
    """Numbers whose differences are finite."""
    return np.clip(np.array(values, dtype=np.float64), -LARGEST_LOSS, LARGEST_LOSS)


def _to_time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
