"""Keeping children running until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Sequence

from penstock.server.processes.children import Child, failures_after, pause

WRONG_SETTING = 2  # the exit code of a child that no restart can help
GRACE = 20.0  # seconds that a child may take to stop

log = logging.getLogger("penstock.server")


async def supervise(children: Sequence[Child]) -> int:
    """Keep every child running until SIGTERM or SIGINT; the exit code.

    A child that ends is started again, after a pause that grows while it keeps failing. One that cannot work because
    a setting is wrong (exit code 2) ends all of them, and the answer is 2.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    codes = await asyncio.gather(*(_keep(child, stop) for child in children))
    return max(codes, default=0)


async def _keep(child: Child, stop: asyncio.Event) -> int:
    failures = 0
    while not stop.is_set():
        started = time.monotonic()
        code = await _live(child, stop)
        if code == WRONG_SETTING:
            stop.set()
            return code
        if not stop.is_set():
            failures = failures_after(failures, time.monotonic() - started)
            log.warning("%s ended with %d; it starts again in %.1f s", child.name, code, pause(failures))
            await _wait(stop, pause(failures))
    return 0


async def _live(child: Child, stop: asyncio.Event) -> int:
    """One life of a child, from its start to its end, which `stop` brings about."""
    process = await asyncio.create_subprocess_exec(*child.command, env={**os.environ, **child.environment})
    log.info("%s started as %d", child.name, process.pid)
    ended = asyncio.create_task(process.wait())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not ended.done():
        await _end(child, process)
    return await ended


async def _end(child: Child, process: Process) -> None:
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), GRACE)
    except TimeoutError:
        log.warning("%s did not stop within %.0f s and is killed", child.name, GRACE)
        process.kill()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
