"""Transactions on the registry's database, in threads beside the event loop."""

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
from penstock.registry.db.engines import read_only_engine
from penstock.registry.db.migration import migrate

T = TypeVar("T")


class DatabaseUnavailable(TransientError):
    """The database cannot be reached, written or locked now; the transaction was probably not committed."""


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise `DatabaseUnavailable` for what the driver raises when the database is away, locked, full or read-only."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise DatabaseUnavailable(f"the registry's database is away: {reason}") from error


class Database:
    """The registry's database, brought to the newest schema before its first transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._read_only = read_only_engine(engine)
        self._migrated = False
        self._migration_lock = threading.Lock()

    async def write(self, transaction: Callable[[Session], T]) -> T:
        """Run a transaction, all or nothing; no other one writes meanwhile.

        Raises:
            DatabaseUnavailable: it may have been committed or not; repeat it.
        """
        return await asyncio.to_thread(self._run, self.engine, transaction)

    async def read(self, transaction: Callable[[Session], T]) -> T:
        """Run a transaction that only reads, from one snapshot.

        Raises:
            DatabaseUnavailable: repeat it.
        """
        return await asyncio.to_thread(self._run, self._read_only, transaction)

    def _run(self, engine: Engine, transaction: Callable[[Session], T]) -> T:
        with translate_errors():
            self._migrate_once()
            with Session(engine, expire_on_commit=False) as session, session.begin():
                return transaction(session)

    def _migrate_once(self) -> None:
        if not self._migrated:
            with self._migration_lock:
                if not self._migrated:
                    migrate(self.engine)
                    self._migrated = True
