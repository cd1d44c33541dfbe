"""The log files of the processes: rotated when they grow too large, and read from their end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home

MAX_LOG_BYTES = 16 * 1024 * 1024
MAX_LINE_BYTES = 4096


def open_log_file(path: Path) -> BinaryIO:
    """Open a log to append to it; one that grew too large is rotated first."""
    rotate_log(path)
    return path.open("ab")


def rotate_log(path: Path, max_bytes: int = MAX_LOG_BYTES) -> None:
    """Rename a log of more than `max_bytes` to `<name>.1`, which replaces the one rotated before."""
    if path.exists() and path.stat().st_size > max_bytes:
        path.replace(path.with_name(path.name + ".1"))


def log_files(home: Home, process: str | None = None) -> dict[str, Path]:
    """The log files in `home` by process, or that of one process.

    Raises:
        ConsoleFailure: there is none.
    """
    paths = {path.stem: path for path in sorted(home.logs.glob("*.log"))}
    if process is None and paths:
        return paths
    name = (process or "").replace("_", "-")
    if name in paths:
        return {name: paths[name]}
    existing = f"there are {', '.join(paths)}" if paths else "nothing was started yet"
    raise ConsoleFailure(f"There is no log of {name or 'any service'} in {home.logs}; {existing}.", status=2)


def last_lines(path: Path, count: int) -> list[str]:
    """At most `count` lines from the end of a log; none if it does not exist."""
    if not path.exists() or count == 0:
        return []
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - count * MAX_LINE_BYTES))
        return file.read().decode(errors="replace").splitlines()[-count:]


class Tail:
    """The lines that are added to a log from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = path.stat().st_size

    def new_lines(self) -> list[str]:
        """The whole lines that were added since the last call; a log that was rotated is read from its start."""
        if self._path.stat().st_size < self._position:
            self._position = 0
        with self._path.open("rb") as file:
            file.seek(self._position)
            added, end, _ = file.read().rpartition(b"\n")
        self._position += len(added) + len(end)
        return added.decode(errors="replace").splitlines()
