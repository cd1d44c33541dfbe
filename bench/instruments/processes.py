"""Processes under measurement: each in a process group of its own, with its CPU and memory, stopped at the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]

STOP_WITHIN_S = 10.0
LOG_LINES = 15  # last lines of a failed process's log that are shown


@dataclass(frozen=True)
class Command:
    """How to start a process: its name, its arguments and what is added to the environment.

    `stops_gracefully`: it gets SIGTERM first, and SIGKILL only if it does not end; otherwise SIGKILL at once.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    stops_gracefully: bool = True


class MeasurementError(RuntimeError):
    """A process ended, or its output is missing or wrong: the cell has no figure."""


@dataclass(frozen=True)
class BenchProcess:
    """A process under measurement, and its log file."""

    command: Command
    process: subprocess.Popen[bytes]
    log: Path

    def alive(self) -> bool:
        """Whether it is running."""
        return self.process.poll() is None

    def cpu_seconds(self) -> float:
        """CPU seconds used by it and its living descendants."""
        return sum(sum(member.cpu_times()[:2]) for member in self._process_tree())

    def memory_bytes(self) -> int:
        """Resident memory of it and its descendants, in bytes."""
        return sum(member.memory_info().rss for member in self._process_tree())

    def log_tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES:])

    def stop(self) -> None:
        """Stop it and every other process of its group."""
        for number in (signal.SIGTERM, signal.SIGKILL) if self.command.stops_gracefully else (signal.SIGKILL,):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_WITHIN_S)

    def _process_tree(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.process.pid)
            return [root, *root.children(recursive=True)]
        return []


@contextmanager
def running_processes(commands: Sequence[Command], folder: Path) -> Iterator[list[BenchProcess]]:
    """Start the commands, and stop them at the end of the block; logs go into `folder`."""
    with ExitStack() as stack:
        processes = []
        for command in commands:
            process = start_process(command, folder)
            stack.callback(process.stop)
            processes.append(process)
        yield processes


def start_process(command: Command, folder: Path) -> BenchProcess:
    """Start a process; the caller must stop it."""
    log = folder / f"{command.name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command.arguments,
            env=environment_of(command),
            cwd=command.folder or folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return BenchProcess(command, process, log)


def cpu_seconds_of(processes: Sequence[BenchProcess]) -> float:
    """CPU seconds used by all of them."""
    return sum(process.cpu_seconds() for process in processes)


def check_alive(processes: Sequence[BenchProcess]) -> None:
    """Check that every process is running.

    Raises:
        MeasurementError: one has ended; the message holds the end of its log.
    """
    for process in processes:
        if not process.alive():
            raise MeasurementError(
                f"{process.command.name} ended with {process.process.returncode}:\n{process.log_tail()}"
            )


async def run_module(module: str, request: Any) -> bytes:
    """Run `python -m module` in a process of its own: `request` as JSON on its standard input.

    Returns:
        What it wrote to its standard output.

    Raises:
        MeasurementError: it failed.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        output, _ = await process.communicate(json.dumps(request).encode())
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise MeasurementError(f"{module} ended with {process.returncode}")
    return output


def is_ready(url: str) -> bool:
    """Whether a GET of the URL answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def environment_of(command: Command) -> dict[str, str]:
    """Our environment without any setting of a service or a peer, and the command's own variables."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    return inherited | dict(command.environment)


_SETTINGS = ("PENSTOCK_", "KAFKA_", "OTEL_", "AWS_", "DATABASE_", "VIRTUAL_ENV", "PYTHON", "BENTOML_", "MLFLOW_")
