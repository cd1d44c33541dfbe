"""The identity of a process: its id and its time of creation, because the system uses ids again."""

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
POLL_INTERVAL_S = 0.02
KILL_LIMIT_S = 5.0


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
        """The process, unless it has ended."""
        try:
            process = psutil.Process(self.pid)
            alive = process.status() != psutil.STATUS_ZOMBIE
            return process if alive and abs(process.create_time() - self.created) < SAME_START_S else None
        except psutil.NoSuchProcess:
            return None

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; returns whether the process was there to receive it."""
        process = self.find()
        if process is None:
            return False
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
            return True
        return False

    def group(self) -> list[psutil.Process]:
        """The living members of the group that this process leads, or led before it ended."""
        current = self.of(self.pid)
        if current and abs(current.created - self.created) >= SAME_START_S:
            return []
        return list(_members(self.pid))


def await_group_gone(identity: ProcessIdentity, limit_s: float = KILL_LIMIT_S) -> None:
    """Wait until no member of the process group lives, at most `limit_s` seconds."""
    give_up = time.monotonic() + limit_s
    while identity.group() and time.monotonic() < give_up:
        time.sleep(POLL_INTERVAL_S)


def await_gone(identity: ProcessIdentity, limit_s: float = math.inf) -> bool:
    """Wait until the process has ended, whoever its parent is; false if it has not within `limit_s`.

    A process that has ended but that its parent has not waited for counts as ended.
    """
    give_up = time.monotonic() + limit_s
    while identity.find() is not None:
        if time.monotonic() >= give_up:
            return False
        time.sleep(POLL_INTERVAL_S)
    return True


def _members(group: int) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (ProcessLookupError, psutil.NoSuchProcess, PermissionError):
            continue
