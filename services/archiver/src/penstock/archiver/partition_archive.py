"""The archive of one topic partition: new records as a file, and its files kept few and not too old."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pyarrow as pa

from penstock.archiver.archive_files import (
    ArchiveFile,
    archive_files,
    archived_stop,
    covering,
    expired,
    merged,
    to_merge,
)
from penstock.archiver.parquet_rows import merge, to_parquet
from penstock.archiver.range_reader import RowRange
from penstock.artifacts.named_files import NamedFiles

log = logging.getLogger(__name__)


class PartitionArchive:
    """The files below one folder. All calls block, and raise `ArtifactError` if the store cannot be used."""

    def __init__(self, store: NamedFiles, folder: str) -> None:
        self.folder = folder
        self._store = store

    def stop(self) -> int:
        """The offset at which it goes on."""
        return archived_stop(archive_files(self._store.sizes(self.folder)))

    def put(self, found: RowRange) -> bool:
        """Write the rows of a range; False: another member has written some of them meanwhile."""
        content = to_parquet(found.tables)
        if self.stop() > found.start:
            return False
        newest = max(int(table["appended"][-1].value) for table in found.tables)
        self._put(ArchiveFile(found.start, found.stop, newest), content)
        pa.default_memory_pool().release_unused()
        return True

    def tidy(self, now: int, retention_days: float) -> None:
        """Delete what is in another file too and what is too old, at `now` in ms since 1970; merge what is small."""
        sizes = self._store.sizes(self.folder)
        listed = archive_files(sizes)
        files = covering(listed)
        old = expired(files, now, retention_days)
        self._delete([file for file in listed if file not in files or file in old])
        kept = [file for file in files if file not in old]
        self._merge(to_merge(kept, [sizes[file.name] for file in kept]))

    def _merge(self, files: Sequence[ArchiveFile]) -> None:
        contents = [content for file in files if (content := self._store.read(self._name(file))) is not None]
        if len(contents) < len(files) or not files:
            return  # another member merges them
        for indexes, content in merge(contents):
            if len(indexes) > 1:
                parts = files[indexes.start : indexes.stop]
                self._put(merged(parts), content)
                self._delete(parts)
                log.info("%s: %d files were merged", self.folder, len(parts))
        pa.default_memory_pool().release_unused()

    def _put(self, file: ArchiveFile, content: bytes) -> None:
        self._store.put(self._name(file), content)

    def _delete(self, files: Sequence[ArchiveFile]) -> None:
        self._store.delete(map(self._name, files))

    def _name(self, file: ArchiveFile) -> str:
        return f"{self.folder}/{file.name}"
