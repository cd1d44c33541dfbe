"""Every topic of the log: its records, key, partitions and retention, who writes it and who reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from penstock.contracts.codecs.received_decoder import Received, ReceivedDecoder
from penstock.contracts.codecs.record_codec import Decode, control_decoder, struct_decoder
from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.counts import Counts
from penstock.contracts.records.dead_letters import DeadLetter
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.governance import AuditEntry, Command
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Alert, Drift, Notification, Statistics
from penstock.contracts.records.outcomes import Outcome, outcome_type
from penstock.contracts.records.payloads import payload_type
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.records.rejections import Rejection
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import TrainingRequest, TrainingRun

MOST_DECODERS = 1024

R = TypeVar("R")
C = TypeVar("C", bound=ControlRecord)

Service = Literal[
    "producer",
    "ingestion",
    "validator",
    "server",
    "drift-detector",
    "retrain-trigger",
    "trainer",
    "registry",
    "notifier",
    "archiver",
    "console",
    "every service",
]

ARCHIVER = "archiver"
"""The group that keeps what was answered. Nothing on the log comes of what it reads, so nobody waits for it."""

NOTIFIER_GROUPS = "notifier-"
"""How the names of the groups begin that read `alerts`, one for each destination of the notifier."""


@dataclass(frozen=True, eq=False)
class Topic(Generic[R]):
    """A topic of the control plane, or a topic that every stream has (data plane).

    Attributes:
        short_name: the last part of the topic's name on the broker.
        plane: `data` or `control`.
        record_types: the types of the records on it, as `event` for `penstock.event.v1`.
        decoder: makes the decoder of its records, which for most data-plane topics depends on the declaration.
        key: what its records are keyed by, in words.
        partitioning: `keyed` for as many partitions as the stream declares, `one` for a single partition.
        retention: as the `stream` declares, a `week`, or `forever`.
        producers: the services that write it.
        consumers: the services that read it as a consumer group of the service's name.
        followers: the services that read it whole, outside any group, or in groups of other names.
        embeds_records: whether its records hold whole other records, and so may be larger than those.
    """

    short_name: str
    plane: Literal["data", "control"]
    record_types: tuple[str, ...]
    decoder: Callable[[StreamDeclared | None], Decode]
    key: str
    partitioning: Literal["keyed", "one"]
    retention: Literal["stream", "week", "forever"]
    producers: tuple[Service, ...]
    consumers: tuple[Service, ...]
    followers: tuple[Service, ...] = ()
    embeds_records: bool = False

    def name(self, namespace: str, stream: str | None = None) -> str:
        """The topic's name on the broker: `<namespace>.<stream>.<short name>`, or `<namespace>.<short name>`.

        Raises:
            ValueError: a stream is named for a control-plane topic, or none for a data-plane topic.
        """
        if (stream is None) != (self.plane == "control"):
            raise ValueError(f"{self.short_name} belongs to the {self.plane} plane")
        return f"{namespace}.{stream}.{self.short_name}" if stream else f"{namespace}.{self.short_name}"

    @property
    def expires(self) -> bool:
        """Whether its records are deleted when they are old."""
        return self.retention != "forever"

    def partitions(self, stream: StreamDeclared | None) -> int:
        """How many partitions the topic has, given the declaration of its stream if it has one."""
        return stream.declaration.partition_count if stream and self.partitioning == "keyed" else 1

    def __repr__(self) -> str:
        return f"Topic({self.short_name})"


def _cached_by_stream(build: Callable[[StreamDeclared], Decode]) -> Callable[[StreamDeclared | None], Decode]:
    """Decoders built from a declaration; the newest are kept, since a deployment may have hundreds of streams."""
    decoders: dict[str, Decode] = {}

    def decoder(stream: StreamDeclared | None) -> Decode:
        if stream is None:
            raise LookupError("a data-plane topic is decoded by its stream's declaration")
        if stream.id not in decoders:
            while len(decoders) >= MOST_DECODERS:
                decoders.pop(next(iter(decoders)))
            decoders[stream.id] = build(stream)
        return decoders[stream.id]

    return decoder


def _struct(record_type: Any) -> Callable[[StreamDeclared | None], Decode]:
    decode = struct_decoder(record_type)
    return lambda _: decode


def _control(record_type: type[C]) -> Callable[[StreamDeclared | None], Decode]:
    decode = control_decoder(record_type)
    return lambda _: decode


def _event_decoder(stream: StreamDeclared) -> Decode:
    return struct_decoder(Event[payload_type(stream.declaration)])  # type: ignore[misc]


def _outcome_decoder(stream: StreamDeclared) -> Decode:
    return struct_decoder(outcome_type(payload_type(stream.declaration)))


RECEIVED: Topic[Received] = Topic(
    "received", "data", ("event", "label"), _cached_by_stream(ReceivedDecoder), "entity, else the event's id",
    "keyed", "stream", ("producer", "ingestion", "server"), ("validator",),
)  # fmt: skip
EVENTS: Topic[Event[Any]] = Topic(
    "events", "data", ("event",), _cached_by_stream(_event_decoder), "entity, else the event's id",
    "keyed", "stream", ("validator",), ("server", "drift-detector"), ("registry", "console"),
)  # fmt: skip
LABELS: Topic[Label] = Topic(
    "labels", "data", ("label",), _struct(Label), "entity, else the event's id",
    "keyed", "stream", ("validator",), ("drift-detector",), ("console",),
)  # fmt: skip
REJECTED: Topic[Rejection] = Topic(
    "rejected", "data", ("rejected",), _struct(Rejection), "as received",
    "keyed", "stream", ("validator", "ingestion"), ("archiver",), ("ingestion", "console"), embeds_records=True,
)  # fmt: skip
PREDICTIONS: Topic[Prediction] = Topic(
    "predictions", "data", ("prediction",), _struct(Prediction), "entity, else the event's id",
    "keyed", "stream", ("server",), ("drift-detector", "archiver"), ("ingestion", "registry", "console"),
)  # fmt: skip
OUTCOMES: Topic[Outcome[Any]] = Topic(
    "outcomes", "data", ("outcome",), _cached_by_stream(_outcome_decoder), "entity, else the event's id",
    "one", "stream", ("drift-detector",), ("drift-detector", "archiver"), ("trainer", "server", "registry", "console"),
    embeds_records=True,
)  # fmt: skip
COUNTS: Topic[Counts] = Topic(
    "counts", "data", ("counts",), _struct(Counts), "the partition that was counted",
    "one", "stream", ("drift-detector",), ("drift-detector",),
)  # fmt: skip
STREAM_DEAD_LETTERS: Topic[DeadLetter] = Topic(
    "dead-letters", "data", ("dead-letter",), _struct(DeadLetter), "as the record's",
    "one", "stream", ("every service",), ("archiver",), ("console",), embeds_records=True,
)  # fmt: skip
STREAMS: Topic[StreamDeclared] = Topic(
    "streams", "control", ("stream-declared",), _control(StreamDeclared), "stream",
    "one", "forever", ("registry",), (), ("every service",),
)  # fmt: skip
MODELS: Topic[ModelEpoch] = Topic(
    "models", "control", ("model-epoch",), _control(ModelEpoch), "stream",
    "one", "forever", ("registry",), (), ("server", "drift-detector", "retrain-trigger", "console"),
)  # fmt: skip
COMMANDS: Topic[Command] = Topic(
    "commands", "control", ("command",), _control(Command), "stream",
    "one", "week", ("registry",), ("retrain-trigger",), ("console",),
)  # fmt: skip
TRAINING_REQUESTS: Topic[TrainingRequest] = Topic(
    "training-requests", "control", ("training-request",), _control(TrainingRequest), "stream",
    "one", "forever", ("retrain-trigger",), ("retrain-trigger", "trainer", "registry"), ("console",),
)  # fmt: skip
TRAINING_RUNS: Topic[TrainingRun] = Topic(
    "training-runs", "control", ("training-run",), _control(TrainingRun), "stream",
    "one", "forever", ("trainer",), ("retrain-trigger", "trainer", "registry"), ("console",),
)  # fmt: skip
DECISIONS: Topic[Decision] = Topic(
    "decisions", "control", ("decision",), _control(Decision), "stream",
    "one", "forever", ("retrain-trigger",), ("archiver",), ("retrain-trigger", "console"),
)  # fmt: skip
STATISTICS: Topic[Statistics] = Topic(
    "statistics", "control", ("statistics",), _control(Statistics), "stream",
    "one", "week", ("drift-detector",), ("retrain-trigger", "registry"), ("console",),
)  # fmt: skip
DRIFT: Topic[Drift] = Topic(
    "drift", "control", ("drift",), _control(Drift), "stream",
    "one", "week", ("drift-detector",), ("retrain-trigger",), ("console",),
)  # fmt: skip
ALERTS: Topic[Alert] = Topic(
    "alerts", "control", ("alert",), _control(Alert), "stream",
    "one", "week", ("every service",), ("registry",), ("server", "notifier", "console"),
)  # fmt: skip
NOTIFICATIONS: Topic[Notification] = Topic(
    "notifications", "control", ("notification",), _control(Notification), "destination",
    "one", "week", ("notifier",), (), ("console",),
)  # fmt: skip
AUDIT: Topic[AuditEntry] = Topic(
    "audit", "control", ("audit-entry",), _control(AuditEntry), "subject",
    "one", "forever", ("registry",), (), ("console",),
)  # fmt: skip
CONTROL_DEAD_LETTERS: Topic[DeadLetter] = Topic(
    "dead-letters", "control", ("dead-letter",), _struct(DeadLetter), "as the record's",
    "one", "week", ("every service",), ("archiver",), (), embeds_records=True,
)  # fmt: skip

DATA_PLANE: tuple[Topic[Any], ...] = (
    RECEIVED, EVENTS, LABELS, REJECTED, PREDICTIONS, OUTCOMES, COUNTS, STREAM_DEAD_LETTERS,
)  # fmt: skip
CONTROL_PLANE: tuple[Topic[Any], ...] = (
    STREAMS, MODELS, COMMANDS, TRAINING_REQUESTS, TRAINING_RUNS, DECISIONS, STATISTICS, DRIFT, ALERTS,
    NOTIFICATIONS, AUDIT, CONTROL_DEAD_LETTERS,
)  # fmt: skip
TOPICS = DATA_PLANE + CONTROL_PLANE
