"""One topic partition of a member of the group: when a file of it is due, and that it is written."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from penstock.archiver.partition_archive import PartitionArchive
from penstock.archiver.range_reader import RangeReader, RowsOf
from penstock.bus.ports import Clock, TopicPartition

TIDY_MS = 86_400_000  # between looks at what has expired, where nothing is new


class FileRules(NamedTuple):
    """When a file is written: for so many records, or once the oldest has waited so long; and how long it is kept."""

    rows: int
    wait_ms: int
    retention_days: float


class ArchiveAhead(ValueError):
    """The archive has offsets that the topic does not: they are of another topic of that name."""


class ArchivedPartition:
    """It is archived up to `position`; None: the store was not asked yet. `is_owned` until it is revoked."""

    def __init__(
        self, key: TopicPartition, rows_of: RowsOf, archive: PartitionArchive, rules: FileRules, clock: Clock
    ) -> None:
        self.position: int | None = None
        self.is_owned = True
        self._key = key
        self._rows_of = rows_of
        self._archive = archive
        self._rules = rules
        self._clock = clock
        self._waits_since: int | None = 0  # what waits at the start has waited for nobody knows how long
        self._tidied: int | None = None

    async def step(self, reader: RangeReader, end: int) -> int:
        """Write a file if one is due, given where the topic partition ends; how many records are in it.

        Raises:
            ArtifactError: the store cannot be used.
            ArchiveAhead: it is of another topic.
            TransientError: as `RangeReader.read`.
        """
        position = await self._position()
        if end < position:
            self.position = None  # asked again at the next try: it may be mended by then
            raise ArchiveAhead(
                f"the archive reaches to offset {position} and the topic to {end}, so it is not the same topic; "
                f"move {self._archive.folder} in the store to another place"
            )
        now = self._clock()
        if end == position:
            self._waits_since = None
        elif self._waits_since is None:
            self._waits_since = now
        written = await self._write(reader, position, end) if self._is_due(end - position, now) else 0
        if written or self._tidied is None or now - self._tidied >= TIDY_MS:
            await asyncio.to_thread(self._archive.tidy, now, self._rules.retention_days)
            self._tidied = now
        return written

    async def _position(self) -> int:
        if self.position is None:
            self.position = await asyncio.to_thread(self._archive.stop)
        return self.position

    def _is_due(self, waiting: int, now: int) -> bool:
        if self._waits_since is None:
            return False
        return waiting >= self._rules.rows or now - self._waits_since >= self._rules.wait_ms

    async def _write(self, reader: RangeReader, position: int, end: int) -> int:
        found = await reader.read(self._key, position, end, self._rules.rows, self._rows_of)
        if not self.is_owned:
            return 0
        if found.rows and not await asyncio.to_thread(self._archive.put, found):
            self.position = None  # another member was here
            return 0
        self.position = found.stop
        self._waits_since = self._clock()
        return found.rows
