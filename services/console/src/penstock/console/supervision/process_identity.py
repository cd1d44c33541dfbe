"""Knowing a process again: its id alone is given to another process after its end."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
from pydantic import BaseModel, ConfigDict

SAME_START_S = 1.0
KILL_WITHIN_S = 5.0
LOOK_EVERY_S = 0.02


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
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
            return True
        return False

    def group(self) -> list[psutil.Process]:
        """The living members of the group that this process leads, or led before it ended."""
        present = self.of(self.pid)
        if present and abs(present.created - self.created) >= SAME_START_S:
            return []
        return list(_members(self.pid))


def kill_group(identity: ProcessIdentity) -> None:
    """End whatever is left of the group of `identity`, and wait until it is gone."""
    give_up = time.monotonic() + KILL_WITHIN_S
    while (members := identity.group()) and time.monotonic() < give_up:
        for member in members:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        time.sleep(LOOK_EVERY_S)


def await_gone(identity: ProcessIdentity, limit_s: float = math.inf) -> bool:
    """Wait until the process has ended, whoever its parent is; false if it has not within `limit_s`.

    One that has ended but whose parent did not notice counts as ended.
    """
    give_up = time.monotonic() + limit_s
    while identity.find() is not None:
        if time.monotonic() >= give_up:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


def _members(group: int) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (ProcessLookupError, psutil.NoSuchProcess, PermissionError):
            continue
