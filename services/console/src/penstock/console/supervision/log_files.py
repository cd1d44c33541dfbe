"""The log files of the processes: bounded, and read from their end."""

from __future__ import annotations

import os
from pathlib import Path

from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home

LARGEST_LOG = 16 * 1024 * 1024
LONGEST_LINE = 1024


def bound(path: Path, largest: int = LARGEST_LOG) -> None:
    """Set a log of more than `largest` bytes aside as `<name>.1`, in the place of the one before it."""
    if path.exists() and path.stat().st_size > largest:
        path.replace(path.with_name(path.name + ".1"))


def log_files(home: Home, process: str | None = None) -> dict[str, Path]:
    """The logs in `home` by process, or that of one.

    Raises:
        ConsoleFailure: there is none.
    """
    found = {path.stem: path for path in sorted(home.logs.glob("*.log"))}
    if process is None and found:
        return found
    name = (process or "").replace("_", "-")
    if name in found:
        return {name: found[name]}
    there = f"there are {', '.join(found)}" if found else "nothing was started yet"
    raise ConsoleFailure(f"There is no log of {name or 'any service'} in {home.logs}; {there}.", status=2)


def last_lines(path: Path, count: int) -> list[str]:
    """At most `count` lines from the end of a log; none if it does not exist."""
    if not path.exists() or count == 0:
        return []
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - count * LONGEST_LINE))
        return file.read().decode(errors="replace").splitlines()[-count:]


class Tail:
    """What is added to a log from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = path.stat().st_size

    def new_lines(self) -> list[str]:
        """The whole lines that were added since the last call; a log begun anew is read from its start."""
        if self._path.stat().st_size < self._read:
            self._read = 0
        with self._path.open("rb") as file:
            file.seek(self._read)
            added, end, _ = file.read().rpartition(b"\n")
        self._read += len(added) + len(end)
        return added.decode(errors="replace").splitlines()
