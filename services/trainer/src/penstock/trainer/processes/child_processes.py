"""Child processes for training, one for each run; each ends together with whatever it started.

The job goes in as one line of JSON and the result comes back as one; the data are in the store. The child ends when
its input does: a trainer that is killed takes its child with it.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from asyncio.subprocess import Process
from contextlib import suppress
from typing import Any

from penstock.trainer.job import TrainingJob, TrainingResources, TrainingResult

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class ChildProcesses:
    """Child processes to train in, each killed after `limit` seconds, if there is one, or when its wait is cancelled.

    While `keep_spare` runs, the next child is started ahead, from the first `expect_jobs` on: importing the learners
    takes longer than many a training.
    """

    def __init__(self, artifacts: str, limit: float | None, resources: TrainingResources | None = None) -> None:
        self._artifacts = artifacts
        self._resources = (resources or TrainingResources()).model_dump_json()
        self._limit = limit
        self._spare: Process | None = None
        self._keeping = False
        self._expecting = asyncio.Event()
        self._without_result = 0
        self._last_failure = ""
        self._changing = asyncio.Lock()

    def health_facts(self) -> dict[str, Any]:
        """How often a child gave no result since the start, and was replaced, and why the last of them did not."""
        return {"children": [{"name": "training", "restarts": self._without_result, "why": self._last_failure}]}

    def expect_jobs(self) -> None:
        """A job may come: until then a spare would only take memory."""
        self._expecting.set()

    async def keep_spare(self) -> None:
        """Keep one child started ahead once jobs are expected, until cancelled."""
        await self._expecting.wait()
        self._keeping = True
        try:
            await self._replenish()
            await asyncio.Event().wait()
        finally:
            self._keeping = False
            async with self._changing:  # one that is just being started by a run is ended, too
                if self._spare is not None:
                    await _end(self._spare)

    async def run_job(self, job: TrainingJob) -> TrainingResult:
        """Run the job in a child of its own; the result includes the child's CPU time."""
        before = _cpu_of_children()
        child = await self._next_child()
        try:
            async with asyncio.timeout(self._limit):
                result = await _exchange(child, job)
        except TimeoutError:
            result = self._no_result(f"training took longer than {self._limit:g} s and was stopped")
        except _EndedChild as error:
            result = self._no_result(f"the training process ended with {error}")
        finally:
            await _end(child)
        await self._replenish()
        return result.model_copy(update={"cpu_seconds": _cpu_of_children() - before})

    def _no_result(self, failure: str) -> TrainingResult:
        self._without_result += 1
        self._last_failure = failure
        return TrainingResult(failure=failure)

    async def _replenish(self) -> None:
        async with self._changing:
            if self._keeping and self._spare is None:
                self._spare = await self._start()

    async def _next_child(self) -> Process:
        async with self._changing:
            spare, self._spare = self._spare, None
        return spare if spare is not None and spare.returncode is None else await self._start()

    async def _start(self) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "penstock.trainer.processes.child_main", self._artifacts, self._resources),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **ONE_THREAD},
            start_new_session=True,
        )


async def _end(child: Process) -> None:
    """End the child and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    await child.wait()


class _EndedChild(Exception):
    """A child ended without a result; the message is how."""


async def _exchange(child: Process, job: TrainingJob) -> TrainingResult:
    """Give the job to the child and wait for its result.

    Raises:
        _EndedChild: it ended without one.
    """
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(job.model_dump_json().encode() + b"\n")
        await child.stdin.drain()
    encoded = await child.stdout.read()
    if encoded:
        return TrainingResult.model_validate_json(encoded)
    raise _EndedChild(_exit_name(await child.wait()))


def _exit_name(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _cpu_of_children() -> float:
    """CPU seconds of all children that have ended, theirs included."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
