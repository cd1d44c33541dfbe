"""The circuit breaker that takes a challenger out at once when it fails."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from penstock.server.models.arm import Arm

MAX_FAILURES = 3  # batches that a challenger may fail to answer
CHALLENGER_TIMEOUT = 2.0  # seconds that it may take for a batch


@dataclass(slots=True, eq=False)
class CircuitBreaker:
    """A challenger of a rollout and its failures in this process; `arm` is None when its model must not serve.

    An open breaker stays open for the rest of the rollout.

    >>> breaker = CircuitBreaker(arm=None)
    >>> [breaker.record_failure() for _ in range(4)]
    [False, False, True, False]
    """

    arm: Arm | None
    failures: int = 0

    @property
    def usable_arm(self) -> Arm | None:
        """The challenger if it may answer, None while the breaker is open."""
        return self.arm if self.failures < MAX_FAILURES else None

    def record_failure(self) -> bool:
        """Count a batch that the challenger failed to answer; whether this opened the breaker."""
        self.failures += 1
        return self.failures == MAX_FAILURES


def failure_reason(error: BaseException) -> str:
    """Why a challenger did not answer, for logs and alerts."""
    if isinstance(error, asyncio.TimeoutError):
        return f"it took longer than {CHALLENGER_TIMEOUT:g} s"
    return str(error)
