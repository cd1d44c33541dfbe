"""What health probes say about a process, and when it counts as stuck: decisions without a clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from penstock.runtime.supervision.restart_policy import failures_after, is_failing

SILENCE_LIMIT_S = 30.0


class ProcessState(StrEnum):
    """What a supervised process is doing."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    UNREADY = "unready"
    """It is healthy, but cannot do its work at the moment."""
    RESTARTING = "restarting"
    FAILING = "failing"
    """It ended several times in a row; it is started again all the same."""


@dataclass(frozen=True)
class HealthStatus:
    """The result of one health probe: whether the process is not stuck, and whether it can do its work."""

    healthy: bool
    ready: bool


@dataclass(frozen=True)
class HealthHistory:
    """What the probes of one process have said since its start; all times are seconds of one monotonic clock.

    `start_limit_s` is how long the process may take until it is healthy for the first time, `failures_before` how
    often it failed in a row before this start.
    """

    started_s: float
    start_limit_s: float
    failures_before: int = 0
    healthy_s: float | None = None
    ready_since_s: float | None = None

    def after(self, status: HealthStatus, now_s: float) -> HealthHistory:
        """The history with one more probe."""
        since = now_s if self.ready_since_s is None else self.ready_since_s
        return replace(
            self,
            healthy_s=now_s if status.healthy else self.healthy_s,
            ready_since_s=since if status.ready else None,
        )

    def is_stuck(self, now_s: float) -> bool:
        """Whether the process has not been healthy for too long; until it is for the first time it has longer."""
        if self.healthy_s is None:
            return now_s - self.started_s > self.start_limit_s
        return now_s - self.healthy_s > SILENCE_LIMIT_S

    def failures(self, now_s: float) -> int:
        """How many times in a row the process has failed, should it end now."""
        ready_s = 0.0 if self.ready_since_s is None else now_s - self.ready_since_s
        return failures_after(self.failures_before, ready_s)

    @property
    def state(self) -> ProcessState:
        """The state that the process is in."""
        if self.ready_since_s is not None:
            return ProcessState.READY
        if is_failing(self.failures_before):
            return ProcessState.FAILING
        return ProcessState.STARTING if self.healthy_s is None else ProcessState.UNREADY
