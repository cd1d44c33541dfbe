"""The loss of an answer: 0 or 1 for a class, the absolute error for a number."""

from __future__ import annotations

from typing import Any

from penstock.contracts.declaration.stream import Task
from penstock.contracts.records.outcomes import Outcome
from penstock.ml.metrics import LARGEST_LOSS


def loss_of(task: Task, outcome: Outcome[Any]) -> float | None:
    """The loss of an outcome's answer; None without a label."""
    answer, label = outcome.data.answer.value, outcome.data.label
    return None if label is None else loss_between(task, answer, label)


def loss_between(task: Task, answer: str | float, label: str | float) -> float:
    """0 or 1 for a class; for a number the absolute error, at most `LARGEST_LOSS`.

    >>> loss_between("binary", "yes", "no"), loss_between("regression", 2.0, 5.0)
    (1.0, 3.0)
    """
    return min(abs(float(answer) - float(label)), LARGEST_LOSS) if task == "regression" else float(answer != label)
