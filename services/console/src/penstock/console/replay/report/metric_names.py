"""The metrics of a report in words."""

from __future__ import annotations

from collections.abc import Sequence

METRIC_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "average_precision": "average precision",
    "roc_auc": "ROC AUC",
    "cost": "mean cost",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "rmsle": "root mean squared error of the logarithm",
    "pinball": "pinball loss",
    "mape": "mean absolute percentage error",
    "r2": "R²",
}


def progress_metric(classes: Sequence[str]) -> str:
    """The metric of blocks of rows: accuracy where there are classes, else the mean absolute error."""
    return "accuracy" if classes else "mae"
