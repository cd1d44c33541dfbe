"""The first schema.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create every table."""
    _streams_and_models()
    _training()
    _governance()


def _streams_and_models() -> None:
    op.create_table(
        "streams",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("declared", sa.JSON, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("champion", sa.Integer, nullable=False),
    )
    op.create_table(
        "model_versions",
        sa.Column("stream", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run", sa.String),
        sa.Column("registered", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model", sa.JSON, nullable=False),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.UniqueConstraint("stream", "run", name="uq_model_versions_stream_run"),
    )
    op.create_table(
        "epochs",
        sa.Column("stream", sa.String, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("record", sa.JSON, nullable=False),
    )


def _training() -> None:
    op.create_table(
        "training_requests",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("stream", sa.String, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
    )
    op.create_index("ix_training_requests_stream", "training_requests", ["stream", "fence"])
    op.create_table(
        "training_runs",
        sa.Column("position", _ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("stream", sa.String, nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
        sa.Column("decision", sa.JSON),
        sa.UniqueConstraint("id", name="uq_training_runs_id"),
    )
    op.create_index("ix_training_runs_stream", "training_runs", ["stream"])
    op.create_table(
        "alerts",
        sa.Column("position", _ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
        sa.UniqueConstraint("id", name="uq_alerts_id"),
    )


def _governance() -> None:
    op.create_table(
        "audit",
        sa.Column("number", _ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("position", _ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("traceparent", sa.String),
        sa.Column("published", sa.Boolean, nullable=False),
    )
    op.create_index("ix_outbox_published", "outbox", ["published", "position"])
    op.create_table(
        "idempotency",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("asked", sa.String, nullable=False),
        sa.Column("answer", sa.JSON, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Drop every table."""
    for table in (
        "idempotency",
        "outbox",
        "audit",
        "alerts",
        "training_runs",
        "training_requests",
        "epochs",
        "model_versions",
        "streams",
    ):
        op.drop_table(table)
