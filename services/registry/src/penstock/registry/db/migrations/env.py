"""What Alembic runs: the migrations, on the connection that `migrate` passes."""

from __future__ import annotations

from alembic import context

from penstock.registry.db.tables import Table

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Table.metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
