"""What a run put out, as plain rows: all that the invariants may look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from penstock.contracts.records.governance import AuditEntry

Answer = Literal["ok", "fail", "info"]
"""How an operation ended for its client: acknowledged, refused, or unknown."""


@dataclass(frozen=True)
class Operation:
    """An event that a client sent, and its `content`; or a label, and then what it says of which `event`."""

    id: str
    entity: str
    body: bytes
    answer: Answer
    kind: Literal["event", "label"] = "event"
    event: str = ""
    revision: int = 0
    label: str = ""
    content: str = ""


@dataclass(frozen=True)
class CommandRow:
    """A command under its idempotency key, the epoch that its client had read, and the stream after it."""

    key: str
    answer: Answer
    expected_epoch: int | None = None
    status: str = ""
    epoch: int | None = None
    version: int | None = None


@dataclass(frozen=True)
class Loss:
    """What befell a record inside the log, and the groups that told of a gap there."""

    fault: Literal["", "expired", "lost", "replaced", "reused"] = ""
    told_by: frozenset[str] = frozenset()

    def excuses(self, group: str) -> bool:
        """Whether a group may have missed the record: it told so, or could not know.

        What a broker lost unread nobody can miss, nor what took the offsets of records that were read. A member without
        state hears nothing of a topic that was made anew while it was down; the groups with state tell of it.
        """
        return self.fault in ("lost", "reused") or group in self.told_by or (self.fault == "replaced" and self.is_told)

    @property
    def is_told(self) -> bool:
        """Whether anybody told of it."""
        return bool(self.told_by)


KEPT = Loss()


@dataclass(frozen=True)
class Row:
    """A record on a topic; `original` are the bytes that a rejection or a dead letter keeps.

    Offsets here count what was appended; `log_offset` is the broker's, which differs after a loss. `time` is the
    event's, in ms.
    """

    partition: int
    offset: int
    id: str
    value: bytes
    entity: str = ""
    original: bytes | None = None
    source_offset: int = -1
    log_offset: int = -1
    time: int = 0
    loss: Loss = KEPT

    @property
    def position(self) -> tuple[int, int]:
        """Where the broker has it."""
        return self.partition, self.offset if self.log_offset < 0 else self.log_offset


@dataclass(frozen=True)
class LabelRow:
    """A label that went on, and what it says."""

    partition: int
    offset: int
    value: bytes
    event: str
    revision: int
    label: str
    loss: Loss = KEPT


@dataclass(frozen=True)
class PredictionRow:
    """A prediction, and what it names as its model; `is_of_its_model`: that model answers the event so."""

    partition: int
    offset: int
    id: str
    entity: str
    epoch: int
    version: int
    digest: str
    is_of_its_model: bool = True
    loss: Loss = KEPT


@dataclass(frozen=True)
class OutcomeRow:
    """An outcome: the epoch and digest of the prediction that it holds, and the label if one came in time."""

    offset: int
    id: str
    epoch: int
    digest: str
    revision: int = 0
    label: str | None = None


@dataclass(frozen=True)
class EpochRow:
    """An epoch, as published or as it is in the database; `challengers` are versions and digests."""

    epoch: int
    version: int
    digest: str
    challengers: frozenset[tuple[int, str]] = frozenset()

    @property
    def arms(self) -> frozenset[tuple[int, str]]:
        """The versions and digests that may answer."""
        return self.challengers | {(self.version, self.digest)}


@dataclass(frozen=True)
class SegmentRow:
    """A segment that a model was trained on: the digest it is known by, and that of what is stored.

    `is_of_log`: its rows are the labelled outcomes that the log had at its offsets.
    """

    digest: str
    stored_digest: str
    is_of_log: bool = True


@dataclass(frozen=True)
class Sample:
    """Resources of a process after so many swaps."""

    memory: int
    descriptors: int
    tasks: int


@dataclass(frozen=True)
class Ledger:
    """Everything that a run of one stream put out.

    `ends` are by reader of outcomes the events with the status of each outcome that it counts as an event's end.
    `installed` are the epochs in the database, `damaged` says that artifacts were, so that a server may have had to go
    back to the last model that it could load.
    """

    operations: tuple[Operation, ...] = ()
    commands: tuple[CommandRow, ...] = ()
    received: tuple[Row, ...] = ()
    events: tuple[Row, ...] = ()
    labels: tuple[LabelRow, ...] = ()
    rejected: tuple[Row, ...] = ()
    dead_letters: tuple[Row, ...] = ()
    predictions: tuple[PredictionRow, ...] = ()
    outcomes: tuple[OutcomeRow, ...] = ()
    ends: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    horizon: timedelta = timedelta(days=1)
    epochs: tuple[EpochRow, ...] = ()
    installed: tuple[EpochRow, ...] = ()
    registered: Mapping[int, str] = field(default_factory=dict)
    unverified: frozenset[str] = frozenset()
    damaged: bool = False
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
    counts: Counter[str] = field(default_factory=Counter)
