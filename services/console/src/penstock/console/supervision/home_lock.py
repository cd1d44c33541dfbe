"""One supervisor a home: the lock that it holds as long as it lives."""

from __future__ import annotations

import fcntl
import os
import time

from penstock.console.home import Home

LOOK_EVERY_S = 0.02


def take_lock(home: Home, wait_s: float = 0.0) -> int | None:
    """Take the lock of `home` and give its file descriptor; none if another process still holds it.

    The descriptor may be handed to a child process, which then holds the lock as well. A process that
    was killed may hold it for a moment longer than it is seen.
    """
    descriptor = os.open(home.run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    give_up = time.monotonic() + wait_s
    while not _locked(descriptor):
        if time.monotonic() >= give_up:
            os.close(descriptor)
            return None
        time.sleep(LOOK_EVERY_S)
    return descriptor


def is_locked(home: Home) -> bool:
    """Whether a supervisor, or a command that is starting one, holds the lock."""
    descriptor = take_lock(home)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
