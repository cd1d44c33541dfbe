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
from contextlib import suppress

from penstock.trainer.jobs import Attempt, Job, Try

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def in_a_child(artifacts: str, limit: float) -> Try:
    """Train in a child process, which is killed after `limit` seconds, or when the wait for it is cancelled."""

    async def carry_out(job: Job) -> Attempt:
        before = _cpu_of_children()
        answer = await _ask_child(artifacts, job, limit)
        return answer.model_copy(update={"cpu_seconds": _cpu_of_children() - before})

    return carry_out


async def _ask_child(artifacts: str, job: Job, limit: float) -> Attempt:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "penstock.trainer.adapters.child_main", artifacts),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **ONE_THREAD},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limit):
            return await _conversation(child, job)
    except TimeoutError:
        return Attempt(failure=f"training took longer than {limit:g} s and was stopped")
    finally:
        _kill_group(child.pid)
        await child.wait()


async def _conversation(child: asyncio.subprocess.Process, job: Job) -> Attempt:
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


def _kill_group(leader: int) -> None:
    """End the child and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _cpu_of_children() -> float:
    """CPU seconds of all children that have ended, theirs included."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
