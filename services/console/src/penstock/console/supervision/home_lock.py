"""The lock of a home, which its supervisor holds as long as it lives: there is one supervisor per home."""

from __future__ import annotations

import fcntl
import os
import time

from penstock.console.home import Home

POLL_INTERVAL_S = 0.02


def take_lock(home: Home, wait_s: float = 0.0) -> int | None:
    """Take the lock of `home` and return its file descriptor; None if another process still holds it after `wait_s`.

    The descriptor may be passed to a child process, which then holds the lock as well. A killed process may hold
    the lock for a moment after it has gone from the process table.
    """
    descriptor = os.open(home.run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    give_up = time.monotonic() + wait_s
    while not _try_lock(descriptor):
        if time.monotonic() >= give_up:
            os.close(descriptor)
            return None
        time.sleep(POLL_INTERVAL_S)
    return descriptor


def is_locked(home: Home) -> bool:
    """Whether a supervisor, or a command that is starting one, holds the lock."""
    descriptor = take_lock(home)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
