"""Bringing a database to the newest schema."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

SCRIPTS = Path(__file__).parent / "migrations"

log = logging.getLogger(__name__)


def migrate(engine: Engine) -> None:
    """Apply the migrations that the database lacks, in one transaction.

    A database that a newer version of the registry has migrated is left as it is: migrations only add.
    """
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)  # else it describes the dialect each time
    own_revisions = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with engine.begin() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in own_revisions:
            log.warning("the database has schema %s, which is newer than this registry; using it as it is", current)
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
