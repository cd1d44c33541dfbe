"""One child process: started, probed, restarted when it ends or is stuck, and stopped."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import IO

from penstock.runtime.supervision.process_group import kill_group
from penstock.runtime.supervision.process_health import HealthHistory, HealthStatus, ProcessState
from penstock.runtime.supervision.restart_policy import is_failing, restart_delay_s

PROBE_INTERVAL_S = 0.2
PROBE_INTERVAL_WHEN_READY_S = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProcessSpec:
    """How a child process runs."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment of this process."""
    folder: Path | None = None
    """Its working folder; None: that of this process."""
    grace_s: float = 20.0
    """How long it may take to stop after SIGTERM before it is killed."""
    start_limit_s: float = 180.0
    """How long it may take until it is healthy for the first time."""
    own_group: bool = False
    """Whether it leads a process group of its own: a terminal's Ctrl-C does not reach it, and when it has ended the
    rest of the group is killed.
    """
    awaited: bool = True
    """Whether the next stage starts only when it is ready."""
    final_exit_code: int | None = None
    """The exit code after which a restart cannot help."""


@dataclass(frozen=True)
class ProcessStatus:
    """What is known of a supervised process at the moment; `why` it ended last, or could not be started."""

    state: ProcessState = ProcessState.STOPPED
    pid: int | None = None
    restarts: int = 0
    why: str = ""


def exit_text(exit_code: int) -> str:
    """How a process ended, in words.

    >>> exit_text(1), exit_text(-9)
    ('ended with exit code 1', 'ended with signal SIGKILL')
    """
    how = f"signal {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit code {exit_code}"
    return f"ended with {how}"


async def _always_ready() -> HealthStatus:
    return HealthStatus(healthy=True, ready=True)


def _ignore_change(_status: ProcessStatus) -> None:
    pass


@dataclass(frozen=True)
class ProcessHooks:
    """What the owner of a supervised process adds to it.

    `probe` says how the process is; without it, a process counts as ready as long as it lives. `open_output` gives
    the file that takes its output; without it, the process writes where this one does. `on_change` is called with
    each new status.
    """

    probe: Callable[[], Awaitable[HealthStatus]] = _always_ready
    open_output: Callable[[], AbstractContextManager[IO[bytes] | None]] = nullcontext
    on_change: Callable[[ProcessStatus], None] = _ignore_change


class SupervisedProcess:
    """A child process that is kept running until it is stopped."""

    def __init__(self, spec: ProcessSpec, hooks: ProcessHooks | None = None) -> None:
        self.spec = spec
        self.status = ProcessStatus()
        self.ready = asyncio.Event()
        self._hooks = hooks or ProcessHooks()
        self._process: Process | None = None
        self._stopping = False
        self._end_requested = asyncio.Event()
        self._why = ""

    def restart(self) -> None:
        """Let the process end, and start it again at once."""
        self._end_requested.set()

    def stop(self) -> None:
        """Let the process end, for good."""
        self._stopping = True
        self._end_requested.set()

    async def run(self) -> int:
        """Keep the process running until `stop`, or until it ends with its final exit code.

        Returns:
            The final exit code that it ended with, else 0.
        """
        failures = 0
        while not self._stopping:
            exit_code, failures = await self._run_once(failures)
            if exit_code is not None and exit_code == self.spec.final_exit_code:
                self._update(ProcessState.STOPPED, pid=None)
                return exit_code
            await self._wait_before_restart(failures)
        self._update(ProcessState.STOPPED, pid=None)
        return 0

    def kill(self) -> None:
        """Kill at once whatever still runs."""
        if self._process is None:
            return
        if self.spec.own_group:
            kill_group(self._process.pid)
        elif self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _run_once(self, failures: int) -> tuple[int | None, int]:
        """The process from its start to its end: its exit code if it started, and its failures in a row by now."""
        try:
            process = self._process = await self._start()
        except OSError as error:
            log.error("%s could not be started: %s", self.spec.name, error)
            self._why = f"could not be started: {error}"
            return None, failures + 1
        log.info("%s started as %d", self.spec.name, process.pid)
        self._update(ProcessState.FAILING if is_failing(failures) else ProcessState.STARTING, pid=process.pid)
        history = await self._watch(process, HealthHistory(monotonic(), self.spec.start_limit_s, failures))
        self.ready.clear()
        exit_code = await self._end(process)
        if self._end_requested.is_set():
            self._why = "was asked to restart"
            return exit_code, 0
        log.warning("%s ended with %d", self.spec.name, exit_code)
        was_stuck = history.is_stuck(monotonic()) and exit_code == -signal.SIGKILL
        self._why = "was not healthy for too long and was killed" if was_stuck else exit_text(exit_code)
        return exit_code, history.failures(monotonic())

    async def _start(self) -> Process:
        with self._hooks.open_output() as output:
            return await asyncio.create_subprocess_exec(
                *self.spec.command,
                env={**os.environ, **self.spec.environment},
                cwd=self.spec.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=self.spec.own_group,
            )

    async def _watch(self, process: Process, history: HealthHistory) -> HealthHistory:
        """Probe again and again until the process ends or is stuck, or its end is requested."""
        ended = asyncio.ensure_future(process.wait())
        requested = asyncio.ensure_future(self._end_requested.wait())
        try:
            while not (ended.done() or requested.done() or history.is_stuck(monotonic())):
                history = history.after(await self._hooks.probe(), monotonic())
                self._update(history.state, pid=process.pid)
                interval = PROBE_INTERVAL_WHEN_READY_S if history.state is ProcessState.READY else PROBE_INTERVAL_S
                await asyncio.wait({ended, requested}, timeout=interval, return_when=asyncio.FIRST_COMPLETED)
            return history
        finally:
            ended.cancel()
            requested.cancel()

    async def _end(self, process: Process) -> int:
        """Let the process end by itself within its grace, unless it is stuck, and kill what is left; its exit code."""
        if process.returncode is None and self._end_requested.is_set():
            process.terminate()
            try:
                async with asyncio.timeout(self.spec.grace_s):
                    await process.wait()
            except TimeoutError:
                log.warning("%s did not stop within %.0f s and is killed", self.spec.name, self.spec.grace_s)
        elif process.returncode is None:
            log.warning("%s has not been healthy for too long and is killed", self.spec.name)
        await asyncio.to_thread(self.kill)
        exit_code = await process.wait()
        self._process = None
        return exit_code

    async def _wait_before_restart(self, failures: int) -> None:
        """Wait as long as the failures demand, or until a restart or the end is requested."""
        if self._stopping:
            return
        state = ProcessState.FAILING if is_failing(failures) else ProcessState.RESTARTING
        self._update(state, pid=None, restarts=self.status.restarts + 1)
        if not self._end_requested.is_set():
            delay = restart_delay_s(failures)
            log.info("%s is started again in %.0f s", self.spec.name, delay)
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._end_requested.wait()
        if not self._stopping:
            self._end_requested.clear()

    def _update(self, state: ProcessState, *, pid: int | None, restarts: int | None = None) -> None:
        if state is ProcessState.READY:
            self.ready.set()
        else:
            self.ready.clear()
        restarts = self.status.restarts if restarts is None else restarts
        status = replace(self.status, state=state, pid=pid, restarts=restarts, why=self._why)
        if status != self.status:
            self.status = status
            self._hooks.on_change(status)
