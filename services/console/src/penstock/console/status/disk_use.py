"""The disk of a home: what each purpose takes of it, and what is left."""

from __future__ import annotations

import os
import time
from pathlib import Path

from penstock.console.home import Home
from penstock.console.status.report import DiskUse

COUNT_LIMIT_S = 2.0
BLOCK = 512  # bytes, whatever the file system's own block is


def disk_use(home: Home, limit_s: float = COUNT_LIMIT_S) -> DiskUse:
    """The bytes that files take, holes left out; what was not counted within `limit_s` is missing, and said so.

    Raises:
        OSError: there is no such folder.
    """
    system = os.statvfs(home.root)
    count = _Count(time.monotonic() + limit_s)
    log, models = count.below(home.kafka), count.below(home.artifacts)
    state = count.below(home.root / "data") + sum(_size(file) for file in home.root.glob(f"{home.database.name}*"))
    others = (home.logs, home.run, home.demo, home.keys)
    return DiskUse(
        log_bytes=log,
        state_bytes=state,
        models_bytes=models,
        other_bytes=sum(map(count.below, others)),
        free_bytes=system.f_bavail * system.f_frsize,
        total_bytes=system.f_blocks * system.f_frsize,
        unwritable=_why_unwritable(home, system.f_flag),
        counted=not count.is_late,
    )


class _Count:
    """Counts bytes until a time is up."""

    def __init__(self, give_up: float) -> None:
        self.is_late = False
        self._give_up = give_up

    def below(self, folder: Path) -> int:
        """The bytes of all files below a folder."""
        total = 0
        for parent, _, names in os.walk(folder):
            if time.monotonic() > self._give_up:
                self.is_late = True
                break
            total += sum(_size(Path(parent, name)) for name in names)
        return total


def _size(file: Path) -> int:
    try:
        return file.lstat().st_blocks * BLOCK
    except OSError:  # gone since it was listed
        return 0


def _why_unwritable(home: Home, flags: int) -> str:
    if flags & os.ST_RDONLY:
        return "it is on a file system that is mounted read-only"
    folders = [folder for folder in (home.root, home.run, home.logs, home.kafka) if folder.exists()]
    closed = [folder for folder in folders if not os.access(folder, os.W_OK | os.X_OK)]
    return f"this user may not write {closed[0]}" if closed else ""
