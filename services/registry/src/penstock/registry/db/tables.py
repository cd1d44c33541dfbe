"""The tables. Whole records are kept as JSON, beside the columns that are searched or constrained.

Where an attribute is called otherwise than its column, the column's name is kept for databases that exist.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

RowId = BigInteger().with_variant(Integer, "sqlite")


class Instant(TypeDecorator[datetime]):
    """A time in UTC; SQLite keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


class Table(DeclarativeBase):
    """What every table shares: names of constraints that migrations can refer to."""

    metadata = MetaData(
        naming_convention={"ix": "ix_%(column_0_label)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
    )
    type_annotation_map = {dict[str, Any]: JSON, datetime: Instant, str: String}  # noqa: RUF012 - as declared above


class StreamRow(Table):
    """A stream: its newest declaration, with version and digest, its epoch and its champion's version.

    `hold` is there from a person's rollback until they lift it: meanwhile nothing changes by itself.
    """

    __tablename__ = "streams"

    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    digest: Mapped[str]
    declaration_record: Mapped[dict[str, Any]] = mapped_column("declared")
    position: Mapped[int]
    epoch: Mapped[int]
    champion: Mapped[int]
    hold: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class VersionRow(Table):
    """A registered model; `run` is the id of its training request, None for the baseline."""

    __tablename__ = "model_versions"
    __table_args__ = (UniqueConstraint("stream", "run"),)

    stream: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    run: Mapped[str | None]
    registered: Mapped[datetime]
    model: Mapped[dict[str, Any]]
    passed: Mapped[bool]
    archived: Mapped[bool] = mapped_column(default=False)


class EpochRow(Table):
    """An epoch, as it went on `models`."""

    __tablename__ = "epochs"

    stream: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    record: Mapped[dict[str, Any]]


class RolloutRow(Table):
    """A rollout: `open` until a challenger was promoted or all were taken back.

    `step_epoch` is the first whose answers are evidence for the present step: a bandit's are, from its start on.
    """

    __tablename__ = "rollouts"

    id: Mapped[str] = mapped_column(primary_key=True)
    stream: Mapped[str] = mapped_column(index=True)
    number: Mapped[int]
    open: Mapped[bool]
    paused: Mapped[bool]
    step: Mapped[int]
    step_epoch: Mapped[int] = mapped_column("began")
    champion: Mapped[int]
    versions: Mapped[list[int]] = mapped_column(JSON)
    shares: Mapped[list[float]] = mapped_column(JSON)
    plan: Mapped[dict[str, Any]]
    evidence: Mapped[dict[str, Any]]
    detail: Mapped[str]


class ProposalRow(Table):
    """A proposal, made at `epoch` against the champion there; `waits` is why it was not carried out by itself.

    `state` is `waiting`, `approved`, `declined` or `superseded`; of the decision are `decided`, `decided_by`, `reason`.
    """

    __tablename__ = "proposals"

    number: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column(unique=True)
    stream: Mapped[str] = mapped_column(index=True)
    state: Mapped[str]
    epoch: Mapped[int]
    champion: Mapped[int]
    version: Mapped[int]
    installation: Mapped[dict[str, Any]]
    plan: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    rollout: Mapped[str | None]
    evidence: Mapped[dict[str, Any]]
    waits: Mapped[str]
    made: Mapped[datetime]
    cause: Mapped[str | None]
    decided: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    reason: Mapped[str | None]


class RequestRow(Table):
    """A training request."""

    __tablename__ = "training_requests"
    __table_args__ = (Index(None, "stream", "fence"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    stream: Mapped[str]
    fence: Mapped[int]
    record: Mapped[dict[str, Any]]


class RunRow(Table):
    """A training run's record, and the decision on the candidate of a finished one."""

    __tablename__ = "training_runs"

    position: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    stream: Mapped[str] = mapped_column(index=True)
    record: Mapped[dict[str, Any]]
    decision: Mapped[dict[str, Any] | None]


class AlertRow(Table):
    """An alert."""

    __tablename__ = "alerts"

    position: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    record: Mapped[dict[str, Any]]


class AuditRow(Table):
    """An entry of the audit chain."""

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    hash: Mapped[str]
    record: Mapped[dict[str, Any]]


class OutboxRow(Table):
    """A record to be published, in order of `position`."""

    __tablename__ = "outbox"
    __table_args__ = (Index(None, "published", "position"),)

    position: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    topic: Mapped[str]
    key: Mapped[str]
    value: Mapped[bytes] = mapped_column(LargeBinary)
    traceparent: Mapped[str | None]
    published: Mapped[bool] = mapped_column(default=False)


class IdempotencyRow(Table):
    """A command with an idempotency key: the digest of its request, and its result."""

    __tablename__ = "idempotency"

    key: Mapped[str] = mapped_column(primary_key=True)
    request_digest: Mapped[str] = mapped_column("asked")
    answer: Mapped[dict[str, Any]]
    time: Mapped[datetime]
