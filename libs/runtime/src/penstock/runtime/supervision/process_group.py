"""Killing whatever is left of a process group."""

from __future__ import annotations

import os
import signal
import time

POLL_INTERVAL_S = 0.02
KILL_LIMIT_S = 2.0


def kill_group(leader: int, limit_s: float = KILL_LIMIT_S) -> None:
    """Kill every process of the group that the process `leader` leads, or led before it ended.

    Returns when the group is gone, or after `limit_s` seconds: members that ended still count as there until their
    parent, or the system's first process, has waited for them. The caller makes sure that the id of the leader has
    not been given to another process.
    """
    give_up = time.monotonic() + limit_s
    while _signal_group(leader, signal.SIGKILL) and time.monotonic() < give_up:
        time.sleep(POLL_INTERVAL_S)


def _signal_group(leader: int, number: signal.Signals) -> bool:
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):  # macOS denies it where only ended members are left
        return False
    return True
