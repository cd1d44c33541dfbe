"""Processes under measurement: started in a group of their own, weighed, and stopped whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

STOP_WITHIN_S = 10.0
LOG_LINES = 15  # of a process that failed, shown on the terminal


@dataclass(frozen=True)
class Command:
    """What starts a process: its name, its arguments and what is added to the environment.

    `in_order`: it is asked to stop, and only ended by force when it does not.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    in_order: bool = True


class Failed(RuntimeError):
    """A process ended, or did not do its work."""


@dataclass(frozen=True)
class Running:
    """A process that was started here, and its log."""

    command: Command
    process: subprocess.Popen[bytes]
    log: Path

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def cpu(self) -> float:
        """Seconds of CPU that it and its descendants have used, those that ended excepted."""
        return sum(sum(member.cpu_times()[:2]) for member in self._family())

    def memory(self) -> int:
        """Bytes that it and its descendants hold in memory."""
        return sum(member.memory_info().rss for member in self._family())

    def tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES:])

    def stop(self) -> None:
        """End it, and whatever else is in its group."""
        for number in (signal.SIGTERM, signal.SIGKILL) if self.command.in_order else (signal.SIGKILL,):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_WITHIN_S)

    def _family(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        return []


@contextmanager
def running(commands: Sequence[Command], folder: Path) -> Iterator[list[Running]]:
    """The processes, for the length of the block; logs go into `folder`."""
    with ExitStack() as stack:
        started = []
        for command in commands:
            process = start(command, folder)
            stack.callback(process.stop)
            started.append(process)
        yield started


def start(command: Command, folder: Path) -> Running:
    """Start a process; whoever starts it stops it."""
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
    return Running(command, process, log)


def cpu_of(processes: Sequence[Running]) -> float:
    """Seconds of CPU that all of them have used."""
    return sum(process.cpu() for process in processes)


def check_alive(processes: Sequence[Running]) -> None:
    """See that none has ended.

    Raises:
        Failed: one has; the message holds the end of its log.
    """
    for process in processes:
        if not process.alive():
            raise Failed(f"{process.command.name} ended with {process.process.returncode}:\n{process.tail()}")


def environment_of(command: Command) -> dict[str, str]:
    """Ours and the command's, without anything of ours that would tell a service or a peer how to run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    return kept | dict(command.environment)


_SETTINGS = ("PENSTOCK_", "KAFKA_", "OTEL_", "AWS_", "DATABASE_", "VIRTUAL_ENV", "PYTHON", "BENTOML_", "MLFLOW_")
