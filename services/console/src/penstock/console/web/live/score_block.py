"""The score of one outcome block, as little of it as pages need: a deployment has hundreds of thousands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from penstock.contracts.records.monitoring import Statistics


@dataclass(frozen=True, slots=True)
class ScoreBlock:
    """The outcomes at offsets `[start, stop)`, as `Statistics` describes them.

    `score` has the 95 % interval from `low` to `high`, if known. `objective` is the score by the declared objective.
    `estimate` is the score without labels, `estimate_error` how far those of earlier blocks were off.
    """

    start: int
    stop: int
    joined: int
    expired: int
    metric: str
    score: float | None
    low: float | None
    high: float | None
    objective_metric: str | None
    objective: float | None
    estimate: float | None
    estimate_error: float | None
    epoch: int
    version: str
    first_time: datetime
    last_time: datetime
    matured: bool
    revised: int

    @classmethod
    def of(cls, record: Statistics) -> ScoreBlock:
        """The block of a record."""
        interval = record.metrics.get(record.metric)
        return cls(
            start=record.start,
            stop=record.stop,
            joined=record.joined,
            expired=record.expired,
            metric=record.metric,
            score=record.score,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            objective_metric=record.objective.metric if record.objective else None,
            objective=record.objective.score if record.objective else None,
            estimate=record.estimate.score if record.estimate else None,
            estimate_error=record.estimate.error if record.estimate else None,
            epoch=record.epoch,
            version=record.version_name(record.version),
            first_time=record.first_time,
            last_time=record.last_time,
            matured=record.clock == "matured",
            revised=record.revised,
        )

    @property
    def maturity(self) -> tuple[bool, int]:
        """Of two records of a block the more mature one counts."""
        return self.matured, self.revised
