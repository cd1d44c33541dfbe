"""State on disk: a RocksDB database for each unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rocksdict import AccessType, Options, Rdict, WriteBatch

from penstock.bus.errors import TransientError
from penstock.bus.state.unit_state import Changes, StateStore

_VALUE = b"v"
_POSITION = b"p"


class RocksStateStore:
    """A store in a folder of its own, whose writes survive a crash. Values have keys `v…`, positions `p…`."""

    def __init__(self, folder: Path) -> None:
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_max_open_files(64)
        options.set_keep_log_file_num(2)
        options.set_write_buffer_size(16 << 20)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db: Any = Rdict(str(folder), options=options, access_type=AccessType.read_write())
        except Exception as error:
            raise TransientError(f"{folder}: the state cannot be opened: {error}") from error

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of the keys."""
        if len(keys) == 1:
            return [self._db.get(_VALUE + keys[0])]
        return list(self._db.get([_VALUE + key for key in keys])) if keys else []

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys that start with `prefix` and their values, in order of the keys."""
        return self._scan_from(_VALUE + prefix)

    def _scan_from(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key, value in self._db.items(from_key=prefix):
            if not key.startswith(prefix):
                return
            yield key[1:], value

    def write(self, changes: Changes, positions: Mapping[str, int]) -> None:
        """Apply the changes and the positions, in one write."""
        batch = WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(_VALUE + key)
            else:
                batch.put(_VALUE + key, value)
        for topic, position in positions.items():
            batch.put(_POSITION + topic.encode(), position.to_bytes(8, "big"))
        try:
            self._db.write(batch)
        except Exception as error:
            raise TransientError(f"{self._db.path()}: the state cannot be written: {error}") from error

    def positions(self) -> dict[str, int]:
        """The next offset to read by topic."""
        return {topic.decode(): int.from_bytes(value, "big") for topic, value in self._scan_from(_POSITION)}

    def close(self) -> None:
        """Close the files."""
        self._db.close()


class RocksStateStores:
    """Stores in folders `<folder>/<group>/<stream>/<partition>`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, group: str, stream: str | None, partition: int) -> StateStore:
        """The unit's store.

        Raises:
            TransientError: another process still has it open, or the folder cannot be written.
        """
        return RocksStateStore(
            self._folder / quote(group, safe="") / quote(stream or "_control", safe="") / str(partition)
        )
