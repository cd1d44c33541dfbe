"""The scores to reach, of streams for which one is named."""

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
"""By the stream's key: at least, and of an error at most."""

LOST: Mapping[int, float] = {1000: 0.01, 5000: 0.03}
"""What models that take effect so many rows late may cost, off Penstock's own score when they take effect at once."""


def target(stream: Stream, in_time: float | None) -> float | None:
    """The score to reach; `in_time`: Penstock's on the same stream when models take effect at once."""
    if not stream.late:
        return TARGETS.get(stream.key)
    return None if in_time is None or stream.late not in LOST else in_time - LOST[stream.late]
