"""Which children run, and when one that ended is started again: decisions without a clock."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from penstock.server.settings import SupervisorSettings

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0  # seconds
STEADY_AFTER = 60.0  # seconds of life after which a child's failures are forgotten


@dataclass(frozen=True)
class Child:
    """A process to keep running: a name for the log, its command, and what is added to the environment."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


def children(settings: SupervisorSettings) -> list[Child]:
    """The children that the settings ask for.

    >>> [child.name for child in children(SupervisorSettings(PENSTOCK_STREAM_WORKERS=2))]
    ['http-1', 'stream-1', 'stream-2']
    """
    shared = {"PENSTOCK_SHARE_PORT": "1"} if settings.http_workers > 1 else {}
    answering = [_child("http", number, shared) for number in range(settings.http_workers)]
    scoring = [
        _child("stream", number, {"PENSTOCK_STREAM_PORT": str(settings.stream_port + number)})
        for number in range(settings.stream_workers)
    ]
    return answering + scoring


def _child(kind: str, number: int, environment: Mapping[str, str]) -> Child:
    command = (sys.executable, "-m", f"penstock.server.{kind}")
    return Child(f"{kind}-{number + 1}", command, {"PENSTOCK_SUPERVISOR": str(os.getpid()), **environment})


def failures_after(before: int, lived: float) -> int:
    """How often a child has failed in a row, now that it ended after `lived` seconds.

    >>> failures_after(3, 5.0), failures_after(3, 61.0)
    (4, 1)
    """
    return 1 if lived >= STEADY_AFTER else before + 1


def pause(failures: int) -> float:
    """Seconds until the next start after so many failures in a row.

    >>> [pause(failures) for failures in (1, 2, 3, 20)]
    [0.2, 0.4, 0.8, 30.0]
    """
    return min(FIRST_PAUSE * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE)
