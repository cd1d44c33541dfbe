"""When a process is started anew, and when it counts as stuck: decisions without a clock."""

from __future__ import annotations

from dataclasses import dataclass, replace

from penstock.console.deployment import State

LONGEST_DELAY_S = 30.0
DOUBLINGS = 5
STEADY_AFTER_S = 60.0
FAILING_FROM = 3
SILENCE_LIMIT_S = 30.0


def restart_delay_s(failures: int) -> float:
    """How long to wait before the next start after that many failures in a row; the first is mended at once.

    >>> [restart_delay_s(n) for n in range(1, 9)]
    [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    """
    return 0.0 if failures <= 1 else min(2.0 ** min(failures - 2, DOUBLINGS), LONGEST_DELAY_S)


@dataclass(frozen=True)
class Answer:
    """What a process answered: whether it is alive, and whether it can work."""

    healthy: bool
    ready: bool


@dataclass(frozen=True)
class Watch:
    """What was seen of one process since it was started, at `started_s`; times are of one monotonic clock."""

    started_s: float
    start_limit_s: float
    failures_before: int = 0
    healthy_s: float | None = None
    ready_since_s: float | None = None

    def after(self, answer: Answer, now_s: float) -> Watch:
        """The watch with one more answer."""
        since = (now_s if self.ready_since_s is None else self.ready_since_s) if answer.ready else None
        return replace(self, healthy_s=now_s if answer.healthy else self.healthy_s, ready_since_s=since)

    def is_stuck(self, now_s: float) -> bool:
        """Whether it has been silent for too long; before its first answer it is given more time."""
        if self.healthy_s is None:
            return now_s - self.started_s > self.start_limit_s
        return now_s - self.healthy_s > SILENCE_LIMIT_S

    def failures(self, now_s: float) -> int:
        """How many times in a row it failed, should it end now; a steady run starts the count anew."""
        steady = self.ready_since_s is not None and now_s - self.ready_since_s >= STEADY_AFTER_S
        return 1 if steady else self.failures_before + 1

    @property
    def state(self) -> State:
        """What to call it."""
        if self.ready_since_s is not None:
            return State.READY
        if self.failures_before >= FAILING_FROM:
            return State.FAILING
        return State.STARTING if self.healthy_s is None else State.UNREADY
