"""The quality of a stream by its objective: its metric where blocks of outcomes have it, and what an answer loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from penstock.contracts.records.monitoring import Statistics
from penstock.ml.metrics.confidence_sequences import Moments

SHOWN_ALREADY = frozenset({"error", "absolute_error"})  # accuracy and the mean absolute error tell them


@dataclass(frozen=True)
class ObjectiveQuality:
    """The objective's `metric`: `score` is its mean over those `blocks` in which it can be computed (None: in none).

    `loss` names what an answer loses by it; None where the report's own metric tells that already, or none is known.
    """

    metric: str
    score: float | None
    blocks: int
    loss: str | None


def objective_quality(blocks: Sequence[Statistics]) -> ObjectiveQuality | None:
    """The quality by the objective of the newest block, over the blocks that have the same one; None without one."""
    newest = blocks[-1].objective
    if newest is None:
        return None
    same = [(block.objective, block.joined) for block in blocks if block.objective]
    scored = [(of.score, rows) for of, rows in same if of.metric == newest.metric and of.score is not None]
    score = fmean((score for score, _ in scored), [rows for _, rows in scored]) if scored else None
    loss = newest.loss.loss if newest.loss else None
    return ObjectiveQuality(newest.metric, score, len(scored), None if loss in SHOWN_ALREADY else loss)


def loss_text(moments: Moments) -> str:
    """The mean loss with its 95 % interval; a dash where none is known."""
    if not moments.n:
        return "-"
    half = 1.96 * (moments.squares / max(1, moments.n - 1) / moments.n) ** 0.5
    return f"{moments.mean:.4g} [{moments.mean - half:.4g}, {moments.mean + half:.4g}]"
