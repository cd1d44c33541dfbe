"""One supervisor a home: the lock that it holds as long as it lives."""

from __future__ import annotations

import fcntl
import os

from penstock.console.home import Home


def take_lock(home: Home) -> int | None:
    """Take the lock of `home` and give its file descriptor; none if another process holds it.

    The descriptor may be handed to a child process, which then holds the lock as well.
    """
    descriptor = os.open(home.run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_locked(home: Home) -> bool:
    """Whether a supervisor, or a command that is starting one, holds the lock."""
    descriptor = take_lock(home)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False
