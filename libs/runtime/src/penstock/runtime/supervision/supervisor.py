"""Running a set of child processes in stages, until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from penstock.runtime.supervision.supervised_process import SupervisedProcess

Stage = Sequence[SupervisedProcess]
"""Processes that start together."""


async def supervise(stages: Sequence[Stage], stop: asyncio.Event) -> int:
    """Keep every process running until `stop` is set, then return once none is left.

    A stage starts when every awaited process of the one before it is ready, and stops when the one after it has. A
    process that ends with its final exit code sets `stop`.

    Returns:
        The final exit code that a process ended with, else 0.
    """
    runs: list[list[asyncio.Task[int]]] = []
    try:
        async with asyncio.TaskGroup() as tasks:
            for stage in stages:
                if not stop.is_set():
                    runs.append([tasks.create_task(_run(process, stop)) for process in stage])
                    await _ready_or_stopped(stage, stop)
            await stop.wait()
            for stage, stage_runs in reversed(list(zip(stages, runs, strict=False))):
                await _stop(stage, stage_runs)
    finally:
        for stage in reversed(stages):
            for process in reversed(stage):
                process.kill()
    return max((run.result() for stage_runs in runs for run in stage_runs), default=0)


async def _run(process: SupervisedProcess, stop: asyncio.Event) -> int:
    exit_code = await process.run()
    if exit_code:
        stop.set()
    return exit_code


async def _ready_or_stopped(stage: Stage, stop: asyncio.Event) -> None:
    stopped = asyncio.ensure_future(stop.wait())
    for process in (process for process in stage if process.spec.awaited):
        ready = asyncio.ensure_future(process.ready.wait())
        await asyncio.wait({stopped, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
    stopped.cancel()


async def _stop(stage: Stage, runs: Sequence[asyncio.Task[int]]) -> None:
    for process in reversed(stage):
        process.stop()
    await asyncio.gather(*runs)
