"""Transactions, off the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from penstock.bus.errors import TransientError
from penstock.registry.db.engines import reading
from penstock.registry.db.migration import migrate

T = TypeVar("T")


class DatabaseUnavailable(TransientError):
    """The database cannot be reached, written or locked now; the transaction was not committed, as far as is known."""


@contextmanager
def as_unavailable() -> Iterator[None]:
    """Turn what the driver raises when the database is away, locked, full or read-only into what it means."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise DatabaseUnavailable(f"the registry's database is away: {reason}") from error


class Database:
    """The registry's database, brought to the newest schema before its first transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reading = reading(engine)
        self._migrated = False
        self._migrating = threading.Lock()

    async def write(self, work: Callable[[Session], T]) -> T:
        """Do the work in one transaction, all or nothing; no other one writes meanwhile.

        Raises:
            DatabaseUnavailable: whether it was committed may be unknown; do it again.
        """
        return await asyncio.to_thread(self._do, self.engine, work)

    async def read(self, work: Callable[[Session], T]) -> T:
        """Read from one snapshot.

        Raises:
            DatabaseUnavailable: try again.
        """
        return await asyncio.to_thread(self._do, self._reading, work)

    def _do(self, engine: Engine, work: Callable[[Session], T]) -> T:
        with as_unavailable():
            self._migrate_once()
            with Session(engine, expire_on_commit=False) as session, session.begin():
                return work(session)

    def _migrate_once(self) -> None:
        if not self._migrated:
            with self._migrating:
                if not self._migrated:
                    migrate(self.engine)
                    self._migrated = True
