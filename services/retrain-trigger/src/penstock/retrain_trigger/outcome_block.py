"""What decisions need of a block's statistics: a long stream has thousands, each of 17 KB whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.monitoring import Statistics


@dataclass(frozen=True, slots=True)
class OutcomeBlock:
    """The outcomes at offsets `[start, stop)`: see `Statistics`, whose fields these are.

    `estimate` is the score estimated without labels, `loss` what its answers lose by the objective, where one is
    declared. Of several of one block the highest `maturity` counts: matured
    statistics replace provisional ones, and corrections replace both.
    """

    start: int
    stop: int
    joined: int
    epoch: int
    metric: Literal["accuracy", "mae"]
    score: float | None
    estimate: float | None
    first_time: datetime
    maturity: tuple[bool, int, str]
    loss: LossMoments | None = None

    @classmethod
    def of(cls, block: Statistics) -> OutcomeBlock:
        """The block in a record."""
        return cls(
            start=block.start,
            stop=block.stop,
            joined=block.joined,
            epoch=block.epoch,
            metric=block.metric,
            score=block.score,
            estimate=block.estimate.score if block.estimate else None,
            first_time=block.first_time,
            maturity=(block.clock == "matured", block.revised, block.id),
            loss=block.objective.loss if block.objective else None,
        )

    @property
    def mean_loss(self) -> float | None:
        """What an answer loses: by the objective, else by the metric; None where that is undefined."""
        if self.loss is not None or self.score is None:
            return self.loss.mean if self.loss is not None else None
        return 1 - self.score if self.metric == "accuracy" else self.score
