"""What the champion's age costs, forecast from what older models lost more than newer ones on this stream.

The excess loss of a model is taken to grow in proportion to its age. Then a training is due once what the age has cost
since the last one comes to what a training costs: as a reorder time balances holding and ordering (Harris, "How Many
Parts to Make at Once", 1913), and as the cumulative rule of Mahadevan and Mathioudakis, "Cost-effective retraining of
machine learning models" (2023), whose staleness cost is estimated here from the stream itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from math import hypot

from penstock.contracts.records.training import AgeLoss
from penstock.retrain_trigger.stream_state import StreamState

RECENT_RUNS = 5  # whose evaluations count, each half as much as the one after it
LEAST_ERROR = 0.01  # of a relative excess: two models may agree by chance


@dataclass(frozen=True, slots=True)
class AgeCost:
    """By which share of its loss an answer gets worse with each outcome of its model's age."""

    rate: float

    def accrued(self, since: int, until: int) -> float:
        """What the ages from `since` to `until` outcomes cost, in mean losses of an answer; 0 where age costs nothing.

        >>> AgeCost(0.001).accrued(0, 100)
        5.0
        """
        return max(self.rate, 0.0) * (until * until - since * since) / 2


def age_cost(state: StreamState) -> AgeCost | None:
    """The estimate from the newest runs: least squares of relative excess on age, through the origin; None before one.

    Where little is seen the rate is drawn to 0: before any evidence a model is as likely to lose its whole loss again
    over as many outcomes as there were, as not.
    """
    runs = [result.evaluation.ages for _, result in state.ended_runs() if result.evaluation and result.evaluation.ages]
    if not runs:
        return None
    weighted = chain.from_iterable(
        ((age, 0.5**runs_ago) for age in ages) for runs_ago, ages in enumerate(reversed(runs[-RECENT_RUNS:]))
    )
    return _fit(weighted, prior_precision=float(state.outcomes) ** 2)


def _fit(weighted: Iterable[tuple[AgeLoss, float]], prior_precision: float) -> AgeCost:
    precision, moment = prior_precision, 0.0
    for age, share in weighted:
        if age.loss > 0:
            weight = share / hypot(age.error / age.loss, LEAST_ERROR) ** 2
            precision += weight * age.age**2
            moment += weight * age.age * age.excess / age.loss
    return AgeCost(moment / precision)
