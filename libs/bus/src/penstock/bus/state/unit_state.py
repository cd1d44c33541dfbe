"""Keyed state of one unit, stored together with the positions it was reached at, so that the two always agree."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar
from urllib.parse import quote

R = TypeVar("R")

Changes = dict[bytes, bytes | None]
"""Keys and their new values; None: the key was deleted."""


UnitKey = tuple[str, str | None, int]
"""A group's unit: the group, the stream (None: the control plane), the partition."""


def unit_path(unit: UnitKey) -> str:
    """Where a unit's files lie below a folder: `<group>/<stream>/<partition>`, whatever the names hold.

    >>> unit_path(("validator", None, 0)), unit_path(("a/b", "loans", 3))
    ('validator/_control/0', 'a%2Fb/loans/3')
    """
    group, stream, partition = unit
    return f"{quote(group, safe='')}/{quote(stream or '_control', safe='')}/{partition}"


class StateStore(Protocol):
    """Where a unit's state is stored between runs. A write is atomic."""

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of the keys."""

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys that start with `prefix` and their values, in order of the keys."""

    def write(self, changes: Changes, positions: Mapping[str, int]) -> None:
        """Apply the changes and the positions, in one write."""

    def positions(self) -> dict[str, int]:
        """The next offset to read by topic, as last written."""

    def close(self) -> None:
        """Close the store."""


class State:
    """A unit's state as its handlers see it: the store's values, overlaid by the changes since.

    Changes are written to the store with the positions that led to them (`write`), after the outputs were confirmed. A
    batch that is handled before that sees the changes of the batches before it.
    """

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._unwritten: Changes = {}
        self._changes: Changes = {}
        self._unwritten_batches: list[Changes] = []

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`, None when there is none."""
        if key in self._unwritten:
            return self._unwritten[key]
        return self._store.read([key])[0]

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of many keys, read at once."""
        values = self._store.read(keys)
        if not self._unwritten:
            return values
        return [self._unwritten.get(key, value) for key, value in zip(keys, values, strict=True)]

    def put(self, key: bytes, value: bytes) -> None:
        """Set `key`."""
        self._unwritten[key] = self._changes[key] = value

    def put_many(self, values: Mapping[bytes, bytes]) -> None:
        """Set many keys."""
        self._unwritten.update(values)
        self._changes.update(values)

    def delete(self, key: bytes) -> None:
        """Remove `key`; it need not be there."""
        self._unwritten[key] = self._changes[key] = None

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys that start with `prefix` and their values, in order of the keys."""
        overlay = sorted(item for item in self._unwritten.items() if item[0].startswith(prefix))
        if not overlay:
            yield from self._store.scan(prefix)
            return
        yield from _merge(self._store.scan(prefix), dict(overlay))

    def take_changes(self) -> Changes:
        """The changes since the last call, of one batch; they stay visible and are to be passed to `write`."""
        changes, self._changes = self._changes, {}
        self._unwritten_batches.append(changes)
        return changes

    def discard_changes(self) -> None:
        """Drop the changes since the last `take_changes`: those of a batch that failed."""
        self._changes = {}
        self._unwritten = {key: value for batch in self._unwritten_batches for key, value in batch.items()}

    def write(self, changes: Changes, positions: Mapping[str, int]) -> None:
        """Write a batch's changes to the store, together with the positions they were reached at."""
        self._store.write(changes, positions)
        self._unwritten_batches = [later for later in self._unwritten_batches if later is not changes]
        written_keys = changes.keys() - self._changes.keys()
        for later in self._unwritten_batches:
            written_keys -= later.keys()
        for key in written_keys:
            del self._unwritten[key]

    def positions(self) -> dict[str, int]:
        """The next offset to read by topic name, as last written."""
        return self._store.positions()

    def close(self) -> None:
        """Close the store; unwritten changes are dropped."""
        self._store.close()


def _merge(stored: Iterator[tuple[bytes, bytes]], overlay: Changes) -> Iterator[tuple[bytes, bytes]]:
    merged: Changes = {**dict(stored), **overlay}
    for key in sorted(merged):
        value = merged[key]
        if value is not None:
            yield key, value


class MemoryStateStore:
    """A store in memory, for tests and for running everything in one process."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}
        self._positions: dict[str, int] = {}

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of the keys."""
        return [self._values.get(key) for key in keys]

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys that start with `prefix` and their values, in order of the keys."""
        return iter(sorted(item for item in self._values.items() if item[0].startswith(prefix)))

    def write(self, changes: Changes, positions: Mapping[str, int]) -> None:
        """Apply the changes and the positions."""
        for key, value in changes.items():
            if value is None:
                self._values.pop(key, None)
            else:
                self._values[key] = value
        self._positions.update(positions)

    def positions(self) -> dict[str, int]:
        """The next offset to read by topic."""
        return dict(self._positions)

    def close(self) -> None:
        """Nothing is closed: the store may be opened again."""


class StateStores(Protocol):
    """Opens the stores of units."""

    def open(self, group: str, stream: str | None, partition: int) -> StateStore:
        """The store of a group's unit; only one process may have it open.

        Raises:
            StateLocked: it is open already.
        """

    def prepare(self, group: str, stream: str | None, partition: int) -> Future[None] | None:
        """Bring a state that another member may have changed up to date, before it is opened; None: it is."""

    async def run(self, work: Callable[[], R]) -> R:
        """Do what opens and closes stores; where that waits for a disk, in a thread."""


class MemoryStateStores:
    """Stores in memory; they keep their values between one `open` and the next, as folders do."""

    def __init__(self) -> None:
        self._stores: dict[tuple[str, str | None, int], MemoryStateStore] = {}

    def open(self, group: str, stream: str | None, partition: int) -> StateStore:
        """The unit's store."""
        return self._stores.setdefault((group, stream, partition), MemoryStateStore())

    def prepare(self, group: str, stream: str | None, partition: int) -> None:
        """Nothing is to be done: all members have one memory."""

    async def run(self, work: Callable[[], R]) -> R:
        """Do it at once: nothing waits."""
        return work()
