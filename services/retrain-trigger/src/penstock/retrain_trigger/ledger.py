"""The retrain ledger: what each run was expected to gain and cost, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Literal

from penstock.contracts.records.decisions import RealisedGain
from penstock.contracts.records.training import Score, TrainingReason, TrainingRequest
from penstock.retrain_trigger.outcome_block import OutcomeBlock
from penstock.retrain_trigger.stream_state import StreamState

COMPARED_BLOCKS = 10  # on either side of a promotion
RECENT_RUNS = 5  # from which gain and cost of the next one are expected


@dataclass(frozen=True)
class LedgerEntry:
    """One run: `gain` on the holdout with its interval, in the metric's unit, and what it `realised` while serving.

    `rows` is what it learnt from, `seconds` its cost in CPU seconds. `status` is that of its end, or `under way`. A
    `push` was judged, not trained.
    """

    fence: int
    reason: TrainingReason
    detail: str
    time: datetime
    until: int
    status: str
    rows: int = 0
    seconds: float = 0.0
    expected_gain: float | None = None
    expected_seconds: float | None = None
    metric: Literal["accuracy", "mae"] | None = None
    gain: Score | None = None
    promoted: bool = False
    realised: RealisedGain | None = None
    push: bool = False


def ledger_entries(state: StreamState) -> list[LedgerEntry]:
    """An entry for each run of the stream, the oldest first."""
    return [_entry(state, state.requests[fence]) for fence in sorted(state.requests)]


def _entry(state: StreamState, request: TrainingRequest) -> LedgerEntry:
    decision, result = state.decisions.get(request.id), state.results.get(request.id)
    evaluation = result.evaluation if result else None
    return LedgerEntry(
        fence=request.fence,
        reason=request.reason,
        detail=request.detail,
        time=request.time,
        until=request.until,
        status=result.status if result else "under way",
        rows=result.rows if result else 0,
        seconds=result.cpu_seconds if result else 0.0,
        expected_gain=decision.expected_gain if decision else None,
        expected_seconds=decision.expected_cost if decision else None,
        metric=evaluation.metric if evaluation else None,
        gain=evaluation.gain if evaluation else None,
        promoted=request.id in state.first_epochs,
        realised=realised_gain(state, request),
        push=request.push is not None,
    )


def realised_gain(state: StreamState, request: TrainingRequest) -> RealisedGain | None:
    """How much better answers were under the run's model than before it; None while too little is known.

    It is in what an answer loses by the objective, where the blocks say so; else in their score.
    Once the statistics are no longer kept, it is what the next decision recorded.
    """
    epoch = state.first_epochs.get(request.id)
    blocks = [block for block in state.ordered_blocks() if block.score is not None]
    before = [block for block in blocks if epoch is not None and block.epoch < epoch][-COMPARED_BLOCKS:]
    after = [block for block in blocks if block.epoch == epoch][1 : COMPARED_BLOCKS + 1]  # the first is of both epochs
    if not before or not after:
        return _recorded_gain(state, request)
    return _gain_by_loss(before, after) or _gain_by_score(before, after)


def _gain_by_loss(before: list[OutcomeBlock], after: list[OutcomeBlock]) -> RealisedGain | None:
    """By what the objective says that answers lose; None where not all blocks have the same loss."""
    losses = [[block.loss for block in blocks if block.loss] for blocks in (before, after)]
    names = {loss.loss for side in losses for loss in side}
    if len(names) > 1 or [len(side) for side in losses] != [len(before), len(after)]:
        return None
    earlier, later = (fmean((loss.mean for loss in side), [loss.rows for loss in side]) for side in losses)
    return RealisedGain(value=earlier - later, rows=sum(loss.rows for loss in losses[1]), loss=names.pop())


def _gain_by_score(before: list[OutcomeBlock], after: list[OutcomeBlock]) -> RealisedGain:
    difference = _mean_score(after) - _mean_score(before)
    gain = difference if after[0].metric == "accuracy" else -difference
    return RealisedGain(value=gain, rows=sum(block.joined for block in after))


def _mean_score(blocks: list[OutcomeBlock]) -> float:
    """The mean score over joined outcomes: matured scores where there are some."""
    return fmean((block.score or 0.0 for block in blocks), [block.joined for block in blocks])


def _recorded_gain(state: StreamState, request: TrainingRequest) -> RealisedGain | None:
    next_request = state.requests.get(request.fence + 1)
    decision = state.decisions.get(next_request.id) if next_request else None
    return decision.realised if decision else None


def expected_gain(state: StreamState, reason: TrainingReason) -> float | None:
    """The mean realised gain of the newest runs of that reason: 0 for one whose model was not promoted.

    Gains of another unit than the newest one's are left out.
    """
    requests = [request for request, _ in state.ended_runs() if request.reason == reason]
    gains = [gain for request in requests if (gain := _gain_or_nothing(state, request)) is not None]
    units = [gain.loss for gain in gains if gain.rows]
    values = [gain.value for gain in gains if not gain.rows or gain.loss == units[-1]]
    return fmean(values[-RECENT_RUNS:]) if values else None


def _gain_or_nothing(state: StreamState, request: TrainingRequest) -> RealisedGain | None:
    """A gain of 0 over no rows for a run whose model was not promoted."""
    return realised_gain(state, request) if request.id in state.first_epochs else RealisedGain(value=0.0, rows=0)


def expected_cost(state: StreamState) -> float | None:
    """CPU seconds of a run on all outcomes so far, by the cost of a row in the newest runs."""
    results = [result for _, result in state.ended_runs() if result.rows][-RECENT_RUNS:]
    rows = sum(result.rows for result in results)
    return sum(result.cpu_seconds for result in results) / rows * state.outcomes if rows else None
