"""The metrics of a replay beside those of a constant, in words."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.console.replay.report.report import Report
from penstock.console.report_page.numbers import number_text

MEANINGS = {
    "accuracy": ("accuracy", "share of right answers; higher is better"),
    "balanced_accuracy": ("balanced accuracy", "mean recall over the classes; higher is better"),
    "precision": ("precision", "share of its answers that are right; higher is better"),
    "recall": ("recall", "share of its rows that were found; higher is better"),
    "f1": ("F1", "harmonic mean of precision and recall; higher is better"),
    "log_loss": ("log loss", "of the probability given to the true class, in nats; lower is better"),
    "brier": ("Brier score", "squared error of the probabilities, from 0 to 1; lower is better"),
    "auc": ("AUC", "of two classes: share of pairs that the probabilities rank right, 0.5 by chance; higher is better"),
    "mae": ("mean absolute error", "in units of the label; lower is better"),
    "rmse": ("root mean squared error", "in units of the label, large errors weigh more; lower is better"),
    "mape": ("mean absolute percentage error", "0.1 is 10 % of the true value; lower is better"),
    "r2": ("R²", "share of the label's variance that is explained; higher is better"),
}


@dataclass(frozen=True)
class Figure:
    """A metric of the served answers, and that of a constant on the same rows."""

    name: str
    served: str
    constant: str
    meaning: str


def figures(report: Report) -> list[Figure]:
    """All metrics of the report."""
    return [
        Figure(name, number_text(report.metrics[key]), number_text(report.baseline.get(key)), _meaning(report, key))
        for key, (name, _) in MEANINGS.items()
        if key in report.metrics
    ]


def _meaning(report: Report, key: str) -> str:
    meaning = MEANINGS[key][1]
    if key not in ("precision", "recall", "f1"):
        return meaning
    of = f"of {report.classes[1]!r}" if len(report.classes) == 2 else "plain mean over the classes"
    return f"{of}: {meaning}"
