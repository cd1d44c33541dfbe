"""Proposals, and the hold of a stream.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the table of proposals, and the column of holds."""
    op.create_table(
        "proposals",
        sa.Column("number", _ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("stream", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("champion", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("installation", sa.JSON, nullable=False),
        sa.Column("plan", sa.JSON),
        sa.Column("rollout", sa.String),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("waits", sa.String, nullable=False),
        sa.Column("made", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.String),
        sa.Column("decided", sa.DateTime(timezone=True)),
        sa.Column("decided_by", sa.String),
        sa.Column("reason", sa.String),
        sa.UniqueConstraint("key", name="uq_proposals_key"),
    )
    op.create_index("ix_proposals_stream", "proposals", ["stream"])
    op.add_column("streams", sa.Column("hold", sa.JSON(none_as_null=True)))
