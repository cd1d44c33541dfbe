"""The scores to reach, of streams that have a target."""

from __future__ import annotations

from collections.abc import Mapping

from bench.evaluation.streams import Stream

TARGETS: Mapping[str, float] = {
    "elec2-0": 0.875,
    "elec2-48": 0.78,
    "elec2-500": 0.765,
    "aus_rain-48": 0.851,
    "metro_traffic-48": 292.0,
}
"""By the stream's key: the least accuracy, or the largest error."""

TRAINING_DELAY_COST: Mapping[int, float] = {1000: 0.01, 5000: 0.03}
"""How much less accuracy Penstock may have when models take effect so many rows late."""


def target_score(stream: Stream, score_in_time: float | None) -> float | None:
    """The score to reach; `score_in_time`: Penstock's on the same stream when models take effect at once."""
    if not stream.training_delay:
        return TARGETS.get(stream.key)
    if score_in_time is None or stream.training_delay not in TRAINING_DELAY_COST:
        return None
    return score_in_time - TRAINING_DELAY_COST[stream.training_delay]
