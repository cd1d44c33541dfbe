"""What a declared schedule of trainings costs: each learns from all outcomes, so that the sum grows with the square."""

from __future__ import annotations

from penstock.contracts.declaration.stream import Declaration

OUTCOMES = (10_000, 100_000)
EACH_TIME = "trains on all outcomes each time, their square in sum"


def schedule_cost(declaration: Declaration) -> str | None:
    """A line of figures for `every`, a line for `cron`; None where trainings follow from the data."""
    retrain, most = declaration.retrain, declaration.models.most_rows
    if retrain.every is not None:
        figures = "; ".join(_after(outcomes, retrain.every, most) for outcomes in OUTCOMES)
        return f"every = {retrain.every:,} {EACH_TIME}: {figures}{_bound(most)}"
    if retrain.cron is not None:
        growth = "ten times the outcomes cost ten times as much at each training"
        return f"cron {EACH_TIME}: {growth}{_bound(most)}"
    return None


def rows_learnt(outcomes: int, every: int, most: int) -> tuple[int, int]:
    """How many trainings there are after so many outcomes, and how many rows they learn in sum.

    >>> rows_learnt(10_000, 1000, 200_000), rows_learnt(10_000, 1000, 2000)
    ((10, 55000), (10, 19000))
    """
    trainings = outcomes // every
    unbounded = min(trainings, most // every)
    return trainings, every * unbounded * (unbounded + 1) // 2 + (trainings - unbounded) * most


def _after(outcomes: int, every: int, most: int) -> str:
    trainings, rows = rows_learnt(outcomes, every, most)
    return f"{trainings:,} trainings and {rows:,} rows after {outcomes:,} outcomes"


def _bound(most: int) -> str:
    return f" ([models] most_rows = {most:,} bounds each)"
