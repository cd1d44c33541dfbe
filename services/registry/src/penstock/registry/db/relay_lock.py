"""One relay at a time, over all processes that share a database."""

from __future__ import annotations

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from sqlalchemy import Engine

from penstock.registry.db.database import DatabaseUnavailable, as_unavailable
from penstock.registry.db.engines import PATIENCE_S

RELAY = 0x70656E73746F636C  # the advisory lock of the relay, on PostgreSQL
LOOK_EVERY_S = 0.02

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
    try:
        held = path.open("w")
        _lock(held, time.monotonic() + PATIENCE_S)
    except OSError as error:
        raise DatabaseUnavailable(f"the relay's lock {path} cannot be had: {error.strerror}") from error
    return held.close


def _lock(file: IO[str], until: float) -> None:
    """Take the lock before `until`; one that waited in the system could not be given up."""
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                file.close()
                raise
            time.sleep(LOOK_EVERY_S)


def _nothing() -> None:
    """A database in memory has no second process."""
