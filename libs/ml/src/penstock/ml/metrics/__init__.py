"""Quality of answers: metrics, their intervals, and paired comparisons.

Labels and predictions of a classification are canonical texts; probabilities are (n, k) with columns
as in `classes`. A metric that the data leave undefined (no rows, one class for AUC) is NaN.
"""

from __future__ import annotations

from penstock.ml.metrics.intervals import (
    Difference,
    Interval,
    accuracy_interval,
    mean_interval,
    paired_difference,
    wilson,
)
from penstock.ml.metrics.scores import (
    LARGEST_LOSS,
    Metric,
    Probabilities,
    accuracy,
    auc,
    brier,
    f1,
    interval,
    log_loss,
    losses,
    mae,
    precision,
    primary_metric,
    recall,
    rmse,
    score,
)
from penstock.ml.metrics.task_metrics import MetricValue, classification_metrics, regression_metrics

__all__ = [
    "LARGEST_LOSS",
    "Difference",
    "Interval",
    "Metric",
    "MetricValue",
    "Probabilities",
    "accuracy",
    "accuracy_interval",
    "auc",
    "brier",
    "classification_metrics",
    "f1",
    "interval",
    "log_loss",
    "losses",
    "mae",
    "mean_interval",
    "paired_difference",
    "precision",
    "primary_metric",
    "recall",
    "regression_metrics",
    "rmse",
    "score",
    "wilson",
]
