"""The metrics of a replay beside those of a constant, in words."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.console.replay.report.metric_names import METRIC_NAMES
from penstock.console.replay.report.report import Report
from penstock.console.report_page.numbers import number_text

MEANINGS = {
    "accuracy": "share of right answers; higher is better",
    "balanced_accuracy": "mean recall over the classes; higher is better",
    "precision": "share of its answers that are right; higher is better",
    "recall": "share of its rows that were found; higher is better",
    "f1": "harmonic mean of precision and recall; higher is better",
    "average_precision": "mean precision over all thresholds, a constant has the share of positives; higher is better",
    "roc_auc": "share of pairs that the probabilities rank right, 0.5 by chance; higher is better",
    "cost": "of an answer, as declared; lower is better",
    "log_loss": "of the probability given to the true class, in nats; lower is better",
    "brier": "squared error of the probabilities, from 0 to 1; lower is better",
    "ece": "mean distance of the probability of an answer from the share that is right; lower is better",
    "mae": "in units of the label; lower is better",
    "rmse": "in units of the label, large errors weigh more; lower is better",
    "rmsle": "of the logarithm of one plus the label: relative errors; lower is better",
    "pinball": "too low and too high weighed by the quantile asked for; lower is better",
    "mape": "0.1 is 10 % of the true value; lower is better",
    "r2": "share of the label's variance that is explained; higher is better",
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
        Figure(
            METRIC_NAMES[key],
            number_text(report.metrics[key]),
            number_text(report.baseline.get(key)),
            _meaning(report, key),
        )
        for key in MEANINGS
        if key in report.metrics
    ]


def _meaning(report: Report, key: str) -> str:
    meaning = MEANINGS[key]
    if key not in ("precision", "recall", "f1"):
        return meaning
    of = f"of {report.positive!r}" if len(report.classes) == 2 else "plain mean over the classes"
    return f"{of}: {meaning}"
