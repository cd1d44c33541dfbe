"""What outlives a life of a service, as that life reaches it: state, artifacts, and the registry's database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from penstock.artifacts import Store
from penstock.bus.state.unit_state import Changes, MemoryStateStores, StateStore
from penstock.registry.db.transactions import Database
from tests.faults.life import Life

R = TypeVar("R")


class FaultyStore:
    """A unit's state, of one life."""

    def __init__(self, store: StateStore, life: Life) -> None:
        self._store = store
        self._life = life

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """As the store."""
        return self._store.read(keys)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """As the store."""
        return self._store.scan(prefix)

    def write(self, changes: Changes, positions: Mapping[str, int]) -> None:
        """Write, unless the life ends."""
        self._life.pass_point("before-state-write")
        self._store.write(changes, positions)
        self._life.pass_point("after-state-write")

    def positions(self) -> dict[str, int]:
        """As the store."""
        return self._store.positions()

    def close(self) -> None:
        """As the store."""
        self._store.close()


class FaultyStores:
    """State that outlives the lives of its services."""

    def __init__(self, stores: MemoryStateStores, life: Life) -> None:
        self._stores = stores
        self._life = life

    def open(self, group: str, stream: str | None, partition: int) -> StateStore:
        """The unit's store."""
        return FaultyStore(self._stores.open(group, stream, partition), self._life)

    def prepare(self, group: str, stream: str | None, partition: int) -> None:
        """As the stores: there are no checkpoints."""

    async def run(self, work: Callable[[], R]) -> R:
        """At once."""
        return work()


class FaultyArtifacts:
    """The artifact store; what is put and what is read each has its point before and after it."""

    def __init__(self, store: Store, life: Life, reading: str = "", writing: str = "") -> None:
        self._store = store
        self._life = life
        self._reading = reading
        self._writing = writing

    def put(self, data: bytes) -> str:
        """Store, unless the life ends."""
        return self._between(self._writing, lambda: self._store.put(data))

    def put_file(self, path: str | Path) -> str:
        """Store, unless the life ends."""
        return self._between(self._writing, lambda: self._store.put_file(path))

    def get(self, digest: str) -> bytes:
        """Read, unless the life ends."""
        return self._between(self._reading, lambda: self._store.get(digest))

    def has(self, digest: str) -> bool:
        """As the store."""
        return self._store.has(digest)

    def _between(self, work: str, do: Callable[[], R]) -> R:
        self._life.pass_point(f"before-{work}")
        result = do()
        self._life.pass_point(f"after-{work}")
        return result


class FaultyDatabase(Database):
    """The registry's database: a life may end before a transaction, in it, or before its end is heard of.

    Transactions are run in place of a thread: it is in memory.
    """

    def __init__(self, engine: Engine, life: Life) -> None:
        super().__init__(engine)
        self._life = life

    async def write(self, transaction: Callable[[Session], R]) -> R:
        """Run a transaction, unless the life ends."""

        def run(session: Session) -> R:
            result = transaction(session)
            self._life.pass_point("before-database-commit")
            return result

        self._life.pass_point("before-transaction")
        result = self._run(self.engine, run)
        self._life.pass_point("after-database-commit")
        return result

    async def read(self, transaction: Callable[[Session], R]) -> R:
        """Run a transaction that only reads."""
        return self._run(self._read_only, transaction)
