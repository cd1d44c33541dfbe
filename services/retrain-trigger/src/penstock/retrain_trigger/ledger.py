"""The retrain ledger: what each run was expected to gain and cost, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Literal

from penstock.contracts.records.decisions import Realised
from penstock.contracts.records.monitoring import Statistics
from penstock.contracts.records.training import Reason, Score, TrainingRequest
from penstock.retrain_trigger.stream_history import Memory

COMPARED = 10  # blocks of statistics on either side of a promotion
REMEMBERED = 5  # runs from which gain and cost of the next one are expected


@dataclass(frozen=True)
class Entry:
    """One run: `gain` on the holdout with its interval, `realised` while serving; both in the metric's unit.

    `rows` is what it learnt from, `seconds` its cost in CPU seconds. `status` is that of its end, or `under way`.
    """

    fence: int
    reason: Reason
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
    realised: Realised | None = None


def ledger(memory: Memory) -> list[Entry]:
    """All runs of the stream, the oldest first."""
    return [_entry(memory, memory.requests[fence]) for fence in sorted(memory.requests)]


def _entry(memory: Memory, request: TrainingRequest) -> Entry:
    said, end = memory.answers.get(request.id), memory.ended.get(request.id)
    evaluation = end.evaluation if end else None
    return Entry(
        fence=request.fence,
        reason=request.reason,
        detail=request.detail,
        time=request.time,
        until=request.until,
        status=end.status if end else "under way",
        rows=end.rows if end else 0,
        seconds=end.cpu_seconds if end else 0.0,
        expected_gain=said.expected_gain if said else None,
        expected_seconds=said.expected_cost if said else None,
        metric=evaluation.metric if evaluation else None,
        gain=evaluation.gain if evaluation else None,
        promoted=request.id in memory.served,
        realised=realised_gain(memory, request),
    )


def realised_gain(memory: Memory, request: TrainingRequest) -> Realised | None:
    """How much better the outcomes went under the run's model than before it; None while that is not known.

    Once statistics are no longer kept, it is what the next decision noted.
    """
    epoch = memory.served.get(request.id)
    blocks = [block for block in memory.newest_blocks() if block.score is not None]
    before = [block for block in blocks if epoch is not None and block.epoch < epoch][-COMPARED:]
    after = [block for block in blocks if block.epoch == epoch][1 : COMPARED + 1]  # the first is of both epochs
    if not before or not after:
        return _noted(memory, request)
    better = _mean(after) - _mean(before)
    better = better if after[0].metric == "accuracy" else -better
    return Realised(value=better, rows=sum(block.joined for block in after))


def _mean(blocks: list[Statistics]) -> float:
    """The mean score by joined outcomes: matured where that is known."""
    return fmean((block.score or 0.0 for block in blocks), [block.joined for block in blocks])


def _noted(memory: Memory, request: TrainingRequest) -> Realised | None:
    following = memory.requests.get(request.fence + 1)
    said = memory.answers.get(following.id) if following else None
    return said.realised if said else None


def expected_gain(memory: Memory, reason: Reason) -> float | None:
    """The mean of what the newest runs of that reason came to: nothing for one whose model was not promoted."""
    past = [request for request, _ in memory.past() if request.reason == reason]
    known = [worth for request in past if (worth := _worth(memory, request)) is not None]
    return fmean(known[-REMEMBERED:]) if known else None


def _worth(memory: Memory, request: TrainingRequest) -> float | None:
    if request.id not in memory.served:
        return 0.0
    realised = realised_gain(memory, request)
    return realised.value if realised else None


def expected_cost(memory: Memory) -> float | None:
    """CPU seconds of a run on all outcomes there are, at what a row cost in the newest runs."""
    ends = [end for _, end in memory.past() if end.rows][-REMEMBERED:]
    rows = sum(end.rows for end in ends)
    return sum(end.cpu_seconds for end in ends) / rows * memory.outcomes if rows else None
