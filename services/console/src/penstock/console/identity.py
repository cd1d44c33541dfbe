"""Knowing a process again: its id alone is given to another process after its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import psutil
from pydantic import BaseModel, ConfigDict

SAME_START_S = 1.0


class ProcessIdentity(BaseModel):
    """A process: its id, and when it was created in seconds since the epoch."""

    model_config = ConfigDict(frozen=True)

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """The identity of the process that has this id now, if there is one."""
        try:
            return cls(pid=pid, created=psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def find(self) -> psutil.Process | None:
        """The process itself, unless it has ended."""
        try:
            process = psutil.Process(self.pid)
            alive = process.status() != psutil.STATUS_ZOMBIE
            return process if alive and abs(process.create_time() - self.created) < SAME_START_S else None
        except psutil.NoSuchProcess:
            return None

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; whether the process was there to take it."""
        process = self.find()
        if process is None:
            return False
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            return False
        return True

    def group(self) -> list[psutil.Process]:
        """The living members of the group that this process leads, or led before it ended."""
        present = self.of(self.pid)
        if present and abs(present.created - self.created) >= SAME_START_S:
            return []
        return list(_members(self.pid))


def kill_group(identity: ProcessIdentity) -> None:
    """End whatever is left of the group of `identity`, and wait until it is gone."""
    members = identity.group()
    for member in members:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(members, timeout=5)


def _members(group: int) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (ProcessLookupError, psutil.NoSuchProcess, PermissionError):
            continue
