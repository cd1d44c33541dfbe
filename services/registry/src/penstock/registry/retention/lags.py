"""Which topics have a group that lags by minutes: decisions without a clock or a log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from penstock.contracts.records.monitoring import AlertState
from penstock.registry.retention.retention_left import RetentionLeft

LONG_S = 300.0  # age of the oldest record that a group has not read; younger ones have no age
LOOKS = 5  # in a row without such a record, until it is over: a group that is just behind is told of once


class LagChange(NamedTuple):
    """A topic whose slowest group has begun to lag, or has caught up."""

    left: RetentionLeft
    state: AlertState


class Lags:
    """The topics that lag, and in how many looks in a row each did not."""

    def __init__(self) -> None:
        self._quiet_looks: dict[str, int] = {}

    def after(self, found: Sequence[RetentionLeft]) -> list[LagChange]:
        """What has changed with another look; a topic that was not found stays as it is."""
        return [LagChange(left, state) for left in found if (state := self._change(left)) is not None]

    def _change(self, left: RetentionLeft) -> AlertState | None:
        is_known = left.topic in self._quiet_looks
        if left.age >= LONG_S:
            self._quiet_looks[left.topic] = 0
            return None if is_known else "firing"
        if not is_known:
            return None
        self._quiet_looks[left.topic] += 1
        if self._quiet_looks[left.topic] < LOOKS:
            return None
        del self._quiet_looks[left.topic]
        return "resolved"
