"""Training in a process of its own, one for each run, that leaves nothing behind.

The job goes in as one line of JSON and the attempt comes back as one; the data lie in the store. The child ends when
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

from penstock.trainer.job import Attempt, Job, Means

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Children:
    """Child processes to train in, each killed after `limit` seconds or when the wait for it is cancelled.

    While `keep_spare` runs the next child is started ahead: importing the learners takes longer than many a training.
    """

    def __init__(self, artifacts: str, limit: float, means: Means | None = None) -> None:
        self._artifacts = artifacts
        self._means = (means or Means()).model_dump_json()
        self._limit = limit
        self._spare: Process | None = None
        self._keeping = False
        self._changing = asyncio.Lock()

    async def keep_spare(self) -> None:
        """Have a child waiting, until cancelled."""
        self._keeping = True
        try:
            await self._replenish()
            await asyncio.Event().wait()
        finally:
            self._keeping = False
            if self._spare is not None:
                await _end(self._spare)

    async def carry_out(self, job: Job) -> Attempt:
        """Train the job in a child of its own; the answer counts the child's CPU."""
        before = _cpu_of_children()
        child = await self._next()
        try:
            async with asyncio.timeout(self._limit):
                answer = await _conversation(child, job)
        except TimeoutError:
            answer = Attempt(failure=f"training took longer than {self._limit:g} s and was stopped")
        finally:
            await _end(child)
        await self._replenish()
        return answer.model_copy(update={"cpu_seconds": _cpu_of_children() - before})

    async def _replenish(self) -> None:
        async with self._changing:
            if self._keeping and self._spare is None:
                self._spare = await self._start()

    async def _next(self) -> Process:
        async with self._changing:
            spare, self._spare = self._spare, None
        return spare if spare is not None and spare.returncode is None else await self._start()

    async def _start(self) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "penstock.trainer.processes.child_main", self._artifacts, self._means),
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


async def _conversation(child: Process, job: Job) -> Attempt:
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(job.model_dump_json().encode() + b"\n")
        await child.stdin.drain()
    answer = await child.stdout.read()
    if answer:
        return Attempt.model_validate_json(answer)
    code = await child.wait()
    return Attempt(failure=f"the training process ended with {_ending(code)}")


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _cpu_of_children() -> float:
    """CPU seconds of all children that have ended, theirs included."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
