"""One relay at a time, over all processes that share a database."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Engine

from penstock.registry.adapters.database import as_unavailable

RELAY = 0x70656E73746F636C  # the advisory lock of the relay, on PostgreSQL

Release = Callable[[], None]


@asynccontextmanager
async def relay_lock(engine: Engine) -> AsyncIterator[None]:
    """Hold the lock; it is let go when the process ends, however that comes about.

    Raises:
        DatabaseUnavailable: the database is away, or another relay has held the lock for too long.
    """
    release = await asyncio.to_thread(_acquire, engine)
    try:
        yield
    finally:
        await asyncio.to_thread(release)


def _acquire(engine: Engine) -> Release:
    if engine.dialect.name == "postgresql":
        return _advisory(engine)
    database = engine.url.database
    return _file(Path(f"{database}.relay")) if database and database != ":memory:" else _nothing


def _advisory(engine: Engine) -> Release:
    with as_unavailable():
        connection = engine.execution_options(isolation_level="AUTOCOMMIT", read_only=True).connect()
        try:
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({RELAY})")
        except BaseException:
            connection.invalidate()
            connection.close()
            raise

    def release() -> None:
        connection.invalidate()  # ends the session, and its lock with it, even when the server is away
        connection.close()

    return release


def _file(path: Path) -> Release:
    held = path.open("w")
    fcntl.flock(held, fcntl.LOCK_EX)
    return held.close


def _nothing() -> None:
    """A database in memory has no second process."""
