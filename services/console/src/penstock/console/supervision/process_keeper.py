"""Keeps one process running."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from time import monotonic

from penstock.console.deployment import ProcessRecord, State
from penstock.console.home import Home
from penstock.console.process_plan import ProcessPlan
from penstock.console.supervision.log_files import bound
from penstock.console.supervision.process_identity import ProcessIdentity, kill_group
from penstock.console.supervision.restart_policy import FAILING_FROM, Answer, Watch, restart_delay_s

LOOK_WHILE_STARTING_S = 0.2
LOOK_WHEN_READY_S = 2.0

Ask = Callable[[ProcessPlan], Awaitable[Answer]]
"""Asks a process how it is."""

log = logging.getLogger(__name__)


class Wish(Enum):
    """What the supervisor wants of a process."""

    RUN = auto()
    RESTART = auto()
    STOP = auto()


class Keeper:
    """Starts a process, asks how it is, starts it anew when it ends or is stuck, and stops it."""

    def __init__(self, plan: ProcessPlan, home: Home, ask: Ask, publish: Callable[[], None]) -> None:
        self.plan = plan
        self.record = ProcessRecord(port=plan.port, url=plan.url)
        self.ready = asyncio.Event()
        self._home = home
        self._ask = ask
        self._publish = publish
        self._wish = Wish.RUN
        self._wished = asyncio.Event()
        self._published = self.record.model_copy()

    def wish(self, wish: Wish) -> None:
        """Ask for a restart or the end; the end is final."""
        if self._wish is not Wish.STOP:
            self._wish = wish
        self._wished.set()

    async def keep(self) -> None:
        """Keep the process running until the end is wished."""
        failures = 0
        while self._wish is not Wish.STOP:
            failures = await self._live_once(failures)
            await self._pause(failures)
        self._show(State.STOPPED)

    def kill(self) -> None:
        """End at once whatever still runs."""
        if self.record.process:
            kill_group(self.record.process)

    async def _live_once(self, failures: int) -> int:
        """One life of the process; returns how many times in a row it failed by now."""
        try:
            process = await self._start(failures)
        except OSError as error:
            log.error("%s could not be started: %s", self.plan.name, error)
            return failures + 1
        watch = await self._look(process, Watch(monotonic(), self.plan.start_limit_s, failures))
        self.ready.clear()
        await self._end(process)
        if self._wish is Wish.RUN:
            log.warning("%s ended with %s", self.plan.name, process.returncode)
            return watch.failures(monotonic())
        return 0

    async def _start(self, failures: int) -> Process:
        path = self._home.log(self.plan.name)
        bound(path)
        with path.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *self.plan.command,
                env={**os.environ, **self.plan.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.record.process = ProcessIdentity.of(process.pid)
        self._show(State.FAILING if failures >= FAILING_FROM else State.STARTING)
        log.info("%s started as %d", self.plan.name, process.pid)
        return process

    async def _look(self, process: Process, watch: Watch) -> Watch:
        """Ask again and again until the process ends or is stuck, or something else is wished."""
        ended = asyncio.ensure_future(process.wait())
        wished = asyncio.ensure_future(self._wished.wait())
        try:
            while not (ended.done() or wished.done() or watch.is_stuck(monotonic())):
                watch = watch.after(await self._ask(self.plan), monotonic())
                self._show(watch.state)
                pause = LOOK_WHEN_READY_S if watch.state is State.READY else LOOK_WHILE_STARTING_S
                await asyncio.wait({ended, wished}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            return watch
        finally:
            ended.cancel()
            wished.cancel()

    async def _end(self, process: Process) -> None:
        """Let the process end by itself, within limits, and end whatever its group left behind."""
        identity = self.record.process
        if process.returncode is None:
            process.send_signal(signal.SIGTERM if self._wish is not Wish.RUN else signal.SIGKILL)
            try:
                async with asyncio.timeout(self.plan.grace_s):
                    await process.wait()
            except TimeoutError:
                log.warning("%s did not stop within %.0f s and is killed", self.plan.name, self.plan.grace_s)
        if identity:
            await asyncio.to_thread(kill_group, identity)
        await process.wait()
        self.record.process = None

    async def _pause(self, failures: int) -> None:
        """Wait as long as the failures demand, unless something else is wished meanwhile."""
        if self._wish is Wish.STOP:
            return
        self.record.restarts += 1
        self._show(State.FAILING if failures >= FAILING_FROM else State.RESTARTING)
        if self._wish is Wish.RUN:
            try:
                async with asyncio.timeout(restart_delay_s(failures)):
                    await self._wished.wait()
            except TimeoutError:
                return
        if self._wish is Wish.RESTART:
            self._wish = Wish.RUN
            self._wished.clear()

    def _show(self, state: State) -> None:
        if state is State.READY:
            self.ready.set()
        else:
            self.ready.clear()
        seen = self.record.model_copy(update={"state": state})
        if seen != self._published:
            self.record.state, self._published = state, seen
            self._publish()
