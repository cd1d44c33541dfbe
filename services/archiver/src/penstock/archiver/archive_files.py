"""The files of the prediction log, by name: a range of offsets of one topic partition each.

`prediction-log/<namespace>/<stream, or _control>/<topic>/<partition>/<start>-<stop>-<newest>.parquet`, where `newest`
is the newest log-append time in the file, in milliseconds since 1970.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate, takewhile
from typing import Any, NamedTuple

from penstock.artifacts.compaction import newest_to_merge
from penstock.contracts.topics import (
    CONTROL_DEAD_LETTERS,
    DECISIONS,
    OUTCOMES,
    PREDICTIONS,
    REJECTED,
    STREAM_DEAD_LETTERS,
    Topic,
)

ARCHIVED: tuple[Topic[Any], ...] = (
    PREDICTIONS,
    OUTCOMES,
    REJECTED,
    STREAM_DEAD_LETTERS,
    DECISIONS,
    CONTROL_DEAD_LETTERS,
)
"""The topics that are archived."""

ROOT = "prediction-log"
CONTROL = "_control"  # no stream has such a name
LARGEST = 8 << 20  # bytes that files are merged into: all are in memory meanwhile, some twenty times as large
DAY_MS = 86_400_000

_NAME = re.compile(r"(\d{16})-(\d{16})-(\d{13})\.parquet")


class ArchiveFile(NamedTuple):
    """A file with the records at offsets `[start, stop)`; `newest` is the log-append time of the newest, in ms."""

    start: int
    stop: int
    newest: int

    @property
    def name(self) -> str:
        """Its name in the folder of its topic partition; names sort by range.

        >>> ArchiveFile(0, 50_000, 1_767_225_600_000).name
        '0000000000000000-0000000000050000-1767225600000.parquet'
        """
        return f"{self.start:016}-{self.stop:016}-{self.newest:013}.parquet"

    @classmethod
    def of(cls, name: str) -> ArchiveFile | None:
        """The file of that name; None: it is none of the prediction log."""
        found = _NAME.fullmatch(name)
        return cls(*map(int, found.groups())) if found else None


def archive_files(names: Iterable[str]) -> list[ArchiveFile]:
    """The files of a folder by their names, in order; what is no file of the prediction log is left out."""
    return sorted(file for name in names if (file := ArchiveFile.of(name)) is not None)


def folder_of(namespace: str, stream: str | None, topic: str, partition: int) -> str:
    """The folder of a topic partition, by the short name of the topic.

    >>> folder_of("penstock", "loans", "predictions", 3)
    'prediction-log/penstock/loans/predictions/3'
    """
    return f"{ROOT}/{namespace}/{stream or CONTROL}/{topic}/{partition}"


def archived_stop(files: Iterable[ArchiveFile]) -> int:
    """The offset at which the archive of a topic partition goes on."""
    return max((file.stop for file in files), default=0)


def covering(files: Iterable[ArchiveFile]) -> list[ArchiveFile]:
    """The files to read: the widest, without those whose records are in another one as well.

    Files are merged by writing the merged one before the others are deleted, so both may be there.

    >>> [file.name[14:33] for file in covering([ArchiveFile(0, 2, 1), ArchiveFile(2, 3, 2), ArchiveFile(0, 3, 2)])]
    ['00-0000000000000003']
    """
    chosen: list[ArchiveFile] = []
    for file in sorted(files, key=lambda file: (file.start, -file.stop, file.newest)):
        if not chosen or file.stop > chosen[-1].stop:
            chosen.append(file)
    return chosen


def expired(files: Sequence[ArchiveFile], now: int, days: float) -> list[ArchiveFile]:
    """The files all of whose records are older than so many days (0: none), `now` in ms since 1970.

    The last one is kept in any case: by its name the archive goes on.
    """
    last = archived_stop(files)
    return [file for file in files if days and file.newest < now - days * DAY_MS and file.stop != last]


def to_merge(files: Sequence[ArchiveFile], sizes: Sequence[int]) -> Sequence[ArchiveFile]:
    """The adjacent files to merge into one of at most `LARGEST` bytes, given the bytes of each; none if not yet."""
    small = sum(1 for _ in takewhile(lambda size: size <= LARGEST // 2, reversed(sizes)))
    first = len(files) - (newest_to_merge(sizes[-small:]) if small else 0)
    count = sum(1 for _ in takewhile(lambda total: total <= LARGEST, accumulate(sizes[first:])))
    return files[first : first + count] if count > 1 else ()


def merged(files: Collection[ArchiveFile]) -> ArchiveFile:
    """The file that holds the records of all of these."""
    return ArchiveFile(min(f.start for f in files), max(f.stop for f in files), max(f.newest for f in files))
