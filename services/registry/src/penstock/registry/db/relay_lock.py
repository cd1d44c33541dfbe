"""The lock that lets one outbox relay run at a time, over all processes that share a database."""

from __future__ import annotations

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from sqlalchemy import Engine

from penstock.registry.db.engines import LOCK_TIMEOUT_S
from penstock.registry.db.transactions import DatabaseUnavailable, translate_errors

RELAY_LOCK = 0x70656E73746F636C  # advisory lock, on PostgreSQL
RETRY_EVERY_S = 0.02

Release = Callable[[], None]


@asynccontextmanager
async def relay_lock(engine: Engine) -> AsyncIterator[None]:
    """Hold the lock; the system releases it when the process ends, even when it is killed.

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
        return _advisory_lock(engine)
    database = engine.url.database
    return _file_lock(Path(f"{database}.relay")) if database and database != ":memory:" else _no_lock


def _advisory_lock(engine: Engine) -> Release:
    with translate_errors():
        connection = engine.execution_options(isolation_level="AUTOCOMMIT", read_only=True).connect()
        try:
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({RELAY_LOCK})")
        except BaseException:
            connection.invalidate()
            connection.close()
            raise

    def release() -> None:
        connection.invalidate()  # ends the session, and its lock with it, even when the server is away
        connection.close()

    return release


def _file_lock(path: Path) -> Release:
    try:
        file = path.open("w")
        _lock(file, time.monotonic() + LOCK_TIMEOUT_S)
    except OSError as error:
        raise DatabaseUnavailable(f"the relay's lock {path} cannot be taken: {error.strerror}") from error
    return file.close


def _lock(file: IO[str], deadline: float) -> None:
    """Poll for the lock until `deadline`: a blocking `flock` has no timeout."""
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                file.close()
                raise
            time.sleep(RETRY_EVERY_S)


def _no_lock() -> None:
    """A database in memory has no second process."""
