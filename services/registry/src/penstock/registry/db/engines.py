"""Connections to SQLite or PostgreSQL, on which transactions that write come one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.engine import URL, Dialect
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

LOCK_TIMEOUT_S = 10  # how long a transaction waits for the one before it
WRITE_LOCK = 0x70656E73746F636B  # advisory lock of transactions that write, on PostgreSQL

IN_MEMORY = "sqlite:///:memory:"


class BadDatabase(ValueError):
    """A database URL is wrong, or its folder cannot be made."""


def open_engine(url: str, lock_timeout_s: int = LOCK_TIMEOUT_S) -> Engine:
    """An engine for a database URL; nothing is connected yet.

    The audit log is one chain and the outbox one queue, so two transactions that write never overlap: SQLite's
    begin with `BEGIN IMMEDIATE`, PostgreSQL's take an advisory lock first, and either waits at most `lock_timeout_s`.
    Transactions with the execution option `read_only` do not wait.

    Raises:
        BadDatabase: the URL names no database that the registry can use.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadDatabase("expected a URL such as sqlite:///registry.db or postgresql://user@host/name") from error
    match parsed.get_backend_name():
        case "sqlite":
            return _sqlite(parsed, lock_timeout_s)
        case "postgresql" | "postgres":
            return _postgresql(parsed, lock_timeout_s)
        case other:
            raise BadDatabase(f"expected sqlite or postgresql, found {other}")


def _sqlite(url: URL, lock_timeout_s: int) -> Engine:
    in_memory = url.database in (None, "", ":memory:")
    if not in_memory:
        _make_folder(Path(str(url.database)).absolute().parent)
    pool: dict[str, Any] = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0} if in_memory else {}
    arguments = {"check_same_thread": False, "timeout": lock_timeout_s}
    engine = create_engine(url.set(drivername="sqlite"), connect_args=arguments, pool_timeout=lock_timeout_s, **pool)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadDatabase(f"the folder {folder} cannot be made: {error.strerror or error}") from error


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver would begin transactions by itself, too late
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("read_only")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _postgresql(url: URL, lock_timeout_s: int) -> Engine:
    arguments = {"connect_timeout": 5, "options": f"-c lock_timeout={lock_timeout_s}s"}
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args=arguments,
            pool_timeout=lock_timeout_s,
            pool_pre_ping=True,
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise BadDatabase("PostgreSQL needs the extra: install penstock-registry[postgresql]") from error
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _begin_postgresql(connection: Connection) -> None:
    if not connection.get_execution_options().get("read_only"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")


def read_only_engine(engine: Engine) -> Engine:
    """The same connections, for transactions that only read; each reads one snapshot."""
    return engine.execution_options(read_only=True, **_snapshot_options(engine.dialect))


def _snapshot_options(dialect: Dialect) -> dict[str, str]:
    return {"isolation_level": "REPEATABLE READ"} if dialect.name == "postgresql" else {}
