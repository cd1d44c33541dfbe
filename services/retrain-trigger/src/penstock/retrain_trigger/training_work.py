"""The work of a training, in rows: what the usual families take to learn from one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration

WORK_OF_A_ROW: Mapping[str, float] = {"linear": 0.1, "boosting": 0.7, "forest": 1.0, "additive": 0.2}
"""As measured on streams of some ten fields and two classes; together 1 for the families that are usual."""
WORK_OF_A_RUN = 2500  # rows that take as long as what a training does on however few: 3.5 s of 12 with 5,000


def training_work(families: Sequence[str], rows: int) -> float:
    """The work of a training on so many rows.

    >>> training_work(["linear", "boosting", "additive"], 2000)
    4500.0
    """
    return (WORK_OF_A_RUN + rows) * round(sum(WORK_OF_A_ROW.get(family, 1.0) for family in families), 6)


def training_price(policy: RetrainDeclaration, families: Sequence[str], rows: int) -> float:
    """What a training on so many rows must be worth, in mean losses of an answer.

    >>> round(training_price(RetrainDeclaration(), ["linear", "boosting", "additive"], 2000), 6)
    13.5
    """
    return policy.price * training_work(families, rows)
