"""What a run put out, as plain rows: all that the invariants may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from penstock.contracts.records.governance import AuditEntry

Answer = Literal["ok", "fail", "info"]
"""How an operation ended for its client: acknowledged, refused, or unknown."""


@dataclass(frozen=True)
class Operation:
    """An event that a client sent."""

    id: str
    entity: str
    body: bytes
    answer: Answer


@dataclass(frozen=True)
class Row:
    """A record on a topic; `original` are the bytes that a rejection or a dead letter keeps."""

    partition: int
    offset: int
    id: str
    value: bytes
    entity: str = ""
    original: bytes | None = None
    source_offset: int = -1


@dataclass(frozen=True)
class PredictionRow:
    """A prediction, and what it names as its model."""

    partition: int
    offset: int
    id: str
    entity: str
    epoch: int
    version: int
    digest: str


@dataclass(frozen=True)
class OutcomeRow:
    """An outcome: the epoch and digest of the prediction that it holds."""

    offset: int
    id: str
    epoch: int
    digest: str


@dataclass(frozen=True)
class EpochRow:
    """An epoch as published."""

    epoch: int
    version: int
    digest: str


@dataclass(frozen=True)
class SegmentRow:
    """A segment that a model was trained on: the digest it is known by, and that of the bytes which are stored."""

    digest: str
    stored_digest: str


@dataclass(frozen=True)
class Sample:
    """Resources of a process after so many swaps."""

    memory: int
    descriptors: int
    tasks: int


@dataclass(frozen=True)
class Ledger:
    """Everything that a run of one stream put out."""

    operations: tuple[Operation, ...] = ()
    received: tuple[Row, ...] = ()
    events: tuple[Row, ...] = ()
    rejected: tuple[Row, ...] = ()
    dead_letters: tuple[Row, ...] = ()
    predictions: tuple[PredictionRow, ...] = ()
    outcomes: tuple[OutcomeRow, ...] = ()
    epochs: tuple[EpochRow, ...] = ()
    registered: Mapping[int, str] = field(default_factory=dict)
    unverified: frozenset[str] = frozenset()
    audit: tuple[AuditEntry, ...] = ()
    audit_head: tuple[int, str] | None = None
    lags: Mapping[str, int] = field(default_factory=dict)
    outbox: int = 0
    open_runs: int = 0
    segments: tuple[SegmentRow, ...] = ()
    http_statuses: tuple[int, ...] = ()
    files_outside: tuple[str, ...] = ()
    log_text: str = ""
    canary_tokens: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = ()
