"""Repairs under way: one at a time, beside the requests that ask for them, the newest kept to be looked at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.console.repair.assessed_pages import Tally
from penstock.console.web.repairs.repair_order import RepairOrder

MOST_KEPT = 50

RepairStep = Literal["preview", "release", "drop"]


@dataclass(frozen=True)
class RepairResult:
    """What came of a job: the `tally` of a preview or release, how many records a rule `changed` or it `dropped`."""

    tally: Tally | None = None
    changed: int | None = None
    dropped: int | None = None


@dataclass
class RepairJob:
    """One job. `seen` counts the records that it has read so far."""

    key: str
    stream: str
    step: RepairStep
    order: RepairOrder
    started: float = field(default_factory=time.monotonic)
    seen: int = 0
    result: RepairResult | None = None
    failure: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.result is not None or bool(self.failure)

    @property
    def seconds(self) -> float:
        """How long ago it began."""
        return time.monotonic() - self.started

    def show(self, seen: int) -> None:
        """Take in how many records were read."""
        self.seen = seen


Work = Callable[[RepairJob], Awaitable[RepairResult]]


class RepairJobs:
    """The jobs of a console, by key: the same key is done once."""

    def __init__(self) -> None:
        self._jobs: dict[str, RepairJob] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def find(self, key: str) -> RepairJob | None:
        """The job of that key, if it is one of the newest."""
        return self._jobs.get(key)

    def start(self, job: RepairJob, work: Work) -> None:
        """Begin a job, unless it was before.

        Raises:
            ConsoleFailure: another one is under way.
        """
        if job.key in self._jobs:
            return
        other = next((other for other in self._jobs.values() if not other.is_over), None)
        if other is not None:
            raise wrong_input(f"a {other.step} of {other.stream} is under way: one is done at a time; try again later")
        self._jobs[job.key] = job
        while len(self._jobs) > MOST_KEPT:
            del self._jobs[next(iter(self._jobs))]
        task = asyncio.create_task(self._run(job, work))
        self._tasks[job.key] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.key, None))

    async def wait(self, job: RepairJob, seconds: float) -> None:
        """Wait until the job is over, at most so long."""
        task = self._tasks.get(job.key)
        if task is not None:
            await asyncio.wait([task], timeout=seconds)

    async def _run(self, job: RepairJob, work: Work) -> None:
        try:
            job.result = await work(job)
        except ConsoleFailure as failure:
            job.failure = str(failure)
        except Exception as error:
            job.failure = f"{type(error).__name__}: {error}"
            raise
