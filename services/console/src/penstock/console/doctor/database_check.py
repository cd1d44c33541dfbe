"""Checks of the registry's database: it opens, is whole, and is not locked for good."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from penstock.console.doctor.finding import NOT_YET, Finding, Installation, fail, ok

LOCK_WAIT_S = 2.0


def check_database(installation: Installation) -> Finding:
    """SQLite's own quick check, and a transaction that writes nothing."""
    file = installation.home.database
    if not file.exists():
        return NOT_YET
    restore = f"penstock down; bring {file} back from a backup; penstock up"
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=rw", uri=True, timeout=LOCK_WAIT_S)) as database:
            database.isolation_level = None
            (result,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if result != "ok":
                return fail(f"{file} is damaged: {result}", restore)
            (tables,) = database.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return fail(f"{file}: {error}", _advice(str(error), str(file)))
    except sqlite3.DatabaseError as error:
        return fail(f"{file} is damaged: {error}", restore)
    return ok(f"{file} is whole, has {tables} tables, and can be written")


def _advice(error: str, file: str) -> str:
    if "locked" in error:
        return f"see who holds it: fuser -v {file}; then penstock restart registry"
    return f"see the checks of the home and its owners; ls -l {file}*"
