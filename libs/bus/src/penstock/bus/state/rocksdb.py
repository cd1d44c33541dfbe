"""State on disk: a RocksDB database for each unit."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from rocksdict import AccessType, BlockBasedOptions, Cache, Checkpoint, Options, Rdict, WriteBatch, WriteBufferManager

from penstock.bus.errors import StateLocked, TransientError
from penstock.bus.state.empty_store import EmptyStore
from penstock.bus.state.unit_state import Changes, UnitKey, unit_path

R = TypeVar("R")

_VALUE = b"v"
_POSITION = b"p"
_CORRUPT = "CORRUPT"  # a file beside the database: a read found it corrupt

FILTER_BITS = 10  # for each key in a table: 99 of 100 look-ups of a key that is not there end at the filter
UNFLUSHED_FILTER_SHARE = 0.005  # of the write buffer, 80 KiB, for the same with what is in no table yet

MAX_OPEN_FILES = 20  # of one store, the least that RocksDB takes: 10 tables and what is always open

log = logging.getLogger(__name__)


class StateMemory(NamedTuple):
    """Bytes of memory that stores may take.

    Attributes:
        cache: of all stores of a process together, for what was read.
        unflushed: of all stores together; beyond it the fullest write to their files.
        write_buffer: of one store.
    """

    cache: int
    unflushed: int
    write_buffer: int


SERVICE_MEMORY = StateMemory(cache=64 << 20, unflushed=128 << 20, write_buffer=16 << 20)


class CorruptState(TransientError):
    """A unit's state on disk cannot be read any more; opened again it is set aside, and rebuilt from the log."""


class RocksStateStore:
    """A store in a folder of its own, whose writes survive a crash. Values have keys `v…`, positions `p…`."""

    def __init__(self, folder: Path, options: Options, empty: EmptyStore) -> None:
        self._folder = folder
        with _translated(folder, "opened"):
            if not folder.exists():
                empty.copy_to(folder)
            if (folder / _CORRUPT).exists():
                raise CorruptState(f"{folder}: a read found the state corrupt")
            self._db: Any = Rdict(str(folder), options=options, access_type=AccessType.read_write())
        self.is_open = True
        self._is_kept = False
        self._closing = threading.Lock()

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of the keys.

        Raises:
            CorruptState: a value cannot be read; the state is set aside when it is opened again.
        """
        try:
            if len(keys) == 1:
                return [self._db.get(_VALUE + keys[0])]
            return list(self._db.get([_VALUE + key for key in keys])) if keys else []
        except Exception as error:
            raise self._read_error(error) from error

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys that start with `prefix` and their values, in order of the keys.

        Raises:
            CorruptState: a value cannot be read; the state is set aside when it is opened again.
        """
        return self._scan_from(_VALUE + prefix)

    def _scan_from(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        try:
            for key, value in self._db.items(from_key=prefix):
                if not key.startswith(prefix):
                    return
                yield key[1:], value
        except Exception as error:
            raise self._read_error(error) from error

    def _read_error(self, error: Exception) -> Exception:
        if not _is_corruption(str(error)):
            return error
        (self._folder / _CORRUPT).touch()
        return CorruptState(f"{self._folder}: the state cannot be read: {error}")

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
        with _translated(self._folder, "written"):
            self._db.write(batch)

    def positions(self) -> dict[str, int]:
        """The next offset to read by topic."""
        return {topic.decode(): int.from_bytes(value, "big") for topic, value in self._scan_from(_POSITION)}

    def make_checkpoint(self, folder: Path) -> None:
        """Make a new folder that holds the state as it is now; tables are linked. Other threads may write meanwhile."""
        with _translated(self._folder, "made a checkpoint of"):
            self._db.flush()  # lets other threads run, which the checkpoint's own flush of what comes after does not
            Checkpoint(self._db).create_checkpoint(str(folder))

    @contextmanager
    def kept_open(self) -> Iterator[bool]:
        """Whether it is open; if so, a `close` takes effect at the end. For one thread beside its owner's."""
        with self._closing:
            self._is_kept = is_open = self.is_open
        try:
            yield is_open
        finally:
            with self._closing:
                self._is_kept = False
                was_closed = is_open and not self.is_open
            if was_closed:
                self._close_files()

    def close(self) -> None:
        """Close the files, or have it done by the thread that keeps them open: what is in use cannot be closed."""
        with self._closing:
            self.is_open = False
            if self._is_kept:
                return
        self._close_files()

    def _close_files(self) -> None:
        """Close; where the tables cannot be written, what was written is read from the write-ahead log later."""
        try:
            self._db.close()
        except Exception as error:
            log.warning("%s: closed, but its last tables were not written: %s", self._folder, error)


@contextmanager
def _translated(folder: Path, done: str) -> Iterator[None]:
    try:
        yield
    except TransientError:
        raise
    except Exception as error:
        kind = _error_kind(str(error))
        raise kind(f"{folder}: the state cannot be {done}: {error}") from error


def _error_kind(text: str) -> type[TransientError]:
    if "/LOCK: " in text and text.startswith("IO error"):
        return StateLocked if "Permission denied" not in text else TransientError
    return CorruptState if _is_corruption(text) else TransientError


def _is_corruption(text: str) -> bool:
    """Whether files of a state contradict each other or are gone; not so: no space, no permission, an open lock."""
    return text.startswith(("Corruption", "IO error: No such file or directory"))


class RocksStateStores:
    """Stores in folders `<folder>/<group>/<stream>/<partition>`.

    A corrupt one is renamed to `<partition>.corrupt-<n>` and kept, `count_corrupt` is called, and an empty one takes
    its place, whose unit is read from the beginning of the log again.
    """

    def __init__(
        self, folder: Path, count_corrupt: Callable[[], None] = lambda: None, memory: StateMemory = SERVICE_MEMORY
    ) -> None:
        self._folder = folder
        self._count_corrupt = count_corrupt
        self._options = _options(memory)
        self._empty = EmptyStore(folder, self._options)

    def open(self, group: str, stream: str | None, partition: int) -> RocksStateStore:
        """The unit's store.

        Raises:
            StateLocked: it is still open, here or in another process.
            TransientError: the folder cannot be written.
        """
        folder = self.folder((group, stream, partition))
        try:
            return self.open_folder(folder)
        except CorruptState as error:
            aside = _set_aside(folder)
            log.error("%s; it is kept in %s and rebuilt from the beginning of the log", error, aside)
            self._count_corrupt()
            return self.open_folder(folder)

    def open_folder(self, folder: Path) -> RocksStateStore:
        """The store in a folder.

        Raises:
            CorruptState: it cannot be opened.
        """
        return RocksStateStore(folder, self._options, self._empty)

    def folder(self, unit: UnitKey) -> Path:
        """Where a unit's state lies."""
        return self._folder / unit_path(unit)

    def replace(self, unit: UnitKey, by: Path) -> None:
        """Put the state in the folder `by` in the place of a unit's state, which is closed.

        Raises:
            StateLocked: somebody opened it meanwhile.
        """
        folder = self.folder(unit)
        old = Path(f"{folder}.old")
        shutil.rmtree(old, ignore_errors=True)  # of a process that was killed just then
        with _translated(folder, "replaced"):
            with _locked(folder):  # who opens a state opens the old one before, or the new one after
                folder.rename(old)
                by.rename(folder)
            shutil.rmtree(old)

    def prepare(self, group: str, stream: str | None, partition: int) -> None:
        """Nothing is to be done: without checkpoints there is no state but this disk's."""

    async def run(self, work: Callable[[], R]) -> R:
        """Do what opens or closes stores in a thread; it goes on to its end when the caller is cancelled."""
        return await asyncio.to_thread(work)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a closed database, as RocksDB takes it."""
    with (folder / "LOCK").open("w") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StateLocked(f"{folder}: the state was opened elsewhere") from error
        yield


def _set_aside(folder: Path) -> Path:
    aside = next(path for n in itertools.count(1) if not (path := Path(f"{folder}.corrupt-{n}")).exists())
    with _translated(folder, "set aside"):
        folder.rename(aside)
    return aside


def _options(memory: StateMemory) -> Options:
    """Options that share one cache and one bound of unflushed writes among all stores."""
    cache = Cache(memory.cache)
    tables = BlockBasedOptions()
    tables.set_block_cache(cache)
    tables.set_bloom_filter(FILTER_BITS, False)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_block_based_table_factory(tables)
    options.set_memtable_whole_key_filtering(True)
    options.set_memtable_prefix_bloom_ratio(UNFLUSHED_FILTER_SHARE)
    options.set_write_buffer_manager(WriteBufferManager(memory.unflushed, False))
    options.set_write_buffer_size(memory.write_buffer)
    options.set_max_open_files(MAX_OPEN_FILES)
    options.set_max_file_opening_threads(1)  # by default each opening starts and ends sixteen threads
    options.set_keep_log_file_num(2)
    options.set_skip_stats_update_on_db_open(True)
    return options
