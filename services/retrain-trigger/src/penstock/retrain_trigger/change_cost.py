"""What a change of the stream has cost by now: the losses of the answers since, beyond those before it."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

from penstock.contracts.records.monitoring import Drift
from penstock.retrain_trigger.outcome_block import OutcomeBlock
from penstock.retrain_trigger.stream_state import StreamState

BLOCKS_BEFORE = 10  # that tell what answers lost before the change


def change_cost(state: StreamState, drift: Drift) -> float:
    """What the answers after the drift, and after the last training's data, have lost more, in mean losses before it.

    0 where there are no blocks to compare, or where they lost less.
    """
    blocks = [block for block in state.ordered_blocks() if block.joined and block.mean_loss is not None]
    start = max(drift.outcomes, state.trained_until)
    before = _rows_and_loss([block for block in blocks if block.stop <= drift.outcomes][-BLOCKS_BEFORE:])
    after = _rows_and_loss([block for block in blocks if block.start >= start])
    if before is None or after is None:
        return 0.0
    (_, usual), (rows, since) = before, after
    if since <= usual:
        return 0.0
    return rows * (since / usual - 1) if usual > 0 else float("inf")


def _rows_and_loss(blocks: Sequence[OutcomeBlock]) -> tuple[int, float] | None:
    rows = sum(block.joined for block in blocks)
    return (rows, fsum(block.joined * (block.mean_loss or 0) for block in blocks) / rows) if rows else None
