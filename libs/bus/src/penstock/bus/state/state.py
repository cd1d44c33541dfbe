"""Keyed state of one unit, which holds the positions it was reached at: state and position cannot part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

Changes = dict[bytes, bytes | None]
"""Keys and their new values; None: the key is gone."""


class StateStore(Protocol):
    """Where a unit's state is kept between runs. One write is all or nothing."""

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of the keys."""

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys that start with `prefix` and their values, in order of the keys."""

    def write(self, changes: Changes, positions: Mapping[str, int]) -> None:
        """Apply the changes and the positions, in one write."""

    def positions(self) -> dict[str, int]:
        """The next offset to read by topic, as last written."""

    def close(self) -> None:
        """Let go."""


class State:
    """A unit's state as its handlers see it: what is on the store, under what was changed since.

    Changes become durable with the positions that led to them (`write`), after the outputs were confirmed. A batch
    that is handled ahead of that sees its forerunner's changes.
    """

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._unwritten: Changes = {}
        self._changes: Changes = {}
        self._sealed: list[Changes] = []

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

    def delete(self, key: bytes) -> None:
        """Remove `key`; it need not be there."""
        self._unwritten[key] = self._changes[key] = None

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys that start with `prefix` and their values, in order of the keys."""
        fresh = sorted(item for item in self._unwritten.items() if item[0].startswith(prefix))
        if not fresh:
            yield from self._store.scan(prefix)
            return
        yield from _merge(self._store.scan(prefix), dict(fresh))

    def seal(self) -> Changes:
        """The changes since the last seal; they stay visible until they are written."""
        changes, self._changes = self._changes, {}
        self._sealed.append(changes)
        return changes

    def write(self, changes: Changes, positions: Mapping[str, int]) -> None:
        """Make sealed changes durable together with the positions they were reached at."""
        self._store.write(changes, positions)
        self._sealed = [later for later in self._sealed if later is not changes]
        settled = changes.keys() - self._changes.keys()
        for later in self._sealed:
            settled -= later.keys()
        for key in settled:
            del self._unwritten[key]

    def positions(self) -> dict[str, int]:
        """The next offset to read by topic name, as last written."""
        return self._store.positions()

    def close(self) -> None:
        """Let go of the store; unwritten changes are dropped."""
        self._store.close()


def _merge(kept: Iterator[tuple[bytes, bytes]], fresh: Changes) -> Iterator[tuple[bytes, bytes]]:
    merged: Changes = {**dict(kept), **fresh}
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
        """Keep everything: the store may be opened again."""


class StateStores(Protocol):
    """Opens the store of a unit of a group."""

    def open(self, group: str, stream: str | None, partition: int) -> StateStore:
        """The unit's store; there is one opener at a time."""


class MemoryStateStores:
    """Shelves in memory; a store outlives its opener, as a folder does."""

    def __init__(self) -> None:
        self._state_stores: dict[tuple[str, str | None, int], MemoryStateStore] = {}

    def open(self, group: str, stream: str | None, partition: int) -> StateStore:
        """The unit's store."""
        return self._state_stores.setdefault((group, stream, partition), MemoryStateStore())
