"""Every topic of the log: what it holds, how it is keyed and kept, who writes and who reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from penstock.contracts.decoding import Decode, decode_control, decode_structs
from penstock.contracts.received_decoder import Received, ReceivedDecoder
from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.counts import Counts
from penstock.contracts.records.dead_letters import DeadLetter
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.events import Event, Label, data_type
from penstock.contracts.records.governance import AuditEntry, Command
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Alert, Drift, Statistics
from penstock.contracts.records.outcomes import Outcome, outcome_type
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.records.rejections import Rejected
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import TrainingRequest, TrainingRun

DECODERS_KEPT = 1024

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
    "console",
    "every service",
]


@dataclass(frozen=True, eq=False)
class Topic(Generic[R]):
    """A topic, or (data plane) one for each stream.

    `spread` says how many partitions it has: `keyed` as the stream declares, `one` a single partition.
    `kept` says for how long: as the `stream` declares, for a week, or `forever`. `consumers` share it out in a group
    of the service's name, `followers` read it on their own. Where a record `encloses` another
    one whole, it may be larger than those.
    """

    noun: str
    plane: Literal["data", "control"]
    holds: tuple[str, ...]
    decoder: Callable[[StreamDeclared | None], Decode]
    key: str
    spread: Literal["keyed", "one"]
    kept: Literal["stream", "week", "forever"]
    producers: tuple[Service, ...]
    consumers: tuple[Service, ...]
    followers: tuple[Service, ...] = ()
    encloses: bool = False

    def name(self, namespace: str, stream: str | None = None) -> str:
        """The topic's name on the broker: `<namespace>.<stream>.<noun>`, or `<namespace>.<noun>`."""
        if (stream is None) != (self.plane == "control"):
            raise ValueError(f"{self.noun} is of the {self.plane} plane")
        return f"{namespace}.{stream}.{self.noun}" if stream else f"{namespace}.{self.noun}"

    def partitions(self, stream: StreamDeclared | None) -> int:
        """How many partitions the topic has."""
        return stream.declaration.partition_count if stream and self.spread == "keyed" else 1

    def __repr__(self) -> str:
        return f"Topic({self.noun})"


def _of_stream(build: Callable[[StreamDeclared], Decode]) -> Callable[[StreamDeclared | None], Decode]:
    """Decoders built from a declaration, the last ones kept: a deployment carries hundreds of streams."""
    built: dict[str, Decode] = {}

    def decoder(stream: StreamDeclared | None) -> Decode:
        if stream is None:
            raise LookupError("a data-plane topic is read by its stream's declaration")
        if stream.id not in built:
            while len(built) >= DECODERS_KEPT:
                built.pop(next(iter(built)))
            built[stream.id] = build(stream)
        return built[stream.id]

    return decoder


def _fixed(record_type: Any) -> Callable[[StreamDeclared | None], Decode]:
    decode = decode_structs(record_type)
    return lambda _: decode


def _control(record_type: type[C]) -> Callable[[StreamDeclared | None], Decode]:
    decode = decode_control(record_type)
    return lambda _: decode


def _event_decoder(stream: StreamDeclared) -> Decode:
    return decode_structs(Event[data_type(stream.declaration)])  # type: ignore[misc]


def _outcome_decoder(stream: StreamDeclared) -> Decode:
    return decode_structs(outcome_type(data_type(stream.declaration)))


RECEIVED: Topic[Received] = Topic(
    "received", "data", ("event", "label"), _of_stream(ReceivedDecoder), "entity, else the event's id",
    "keyed", "stream", ("producer", "ingestion", "server"), ("validator",),
)  # fmt: skip
EVENTS: Topic[Event[Any]] = Topic(
    "events", "data", ("event",), _of_stream(_event_decoder), "entity, else the event's id",
    "keyed", "stream", ("validator",), ("server", "drift-detector"),
)  # fmt: skip
LABELS: Topic[Label] = Topic(
    "labels", "data", ("label",), _fixed(Label), "entity, else the event's id",
    "keyed", "stream", ("validator",), ("drift-detector",),
)  # fmt: skip
REJECTED: Topic[Rejected] = Topic(
    "rejected", "data", ("rejected",), _fixed(Rejected), "as received",
    "keyed", "stream", ("validator",), (), ("ingestion", "console"), encloses=True,
)  # fmt: skip
PREDICTIONS: Topic[Prediction] = Topic(
    "predictions", "data", ("prediction",), _fixed(Prediction), "entity, else the event's id",
    "keyed", "stream", ("server",), ("drift-detector",), ("ingestion", "console"),
)  # fmt: skip
OUTCOMES: Topic[Outcome[Any]] = Topic(
    "outcomes", "data", ("outcome",), _of_stream(_outcome_decoder), "entity, else the event's id",
    "one", "stream", ("drift-detector",), ("drift-detector",), ("trainer", "server"), encloses=True,
)  # fmt: skip
COUNTS: Topic[Counts] = Topic(
    "counts", "data", ("counts",), _fixed(Counts), "the partition that was counted",
    "one", "stream", ("drift-detector",), ("drift-detector",),
)  # fmt: skip
STREAM_DEAD_LETTERS: Topic[DeadLetter] = Topic(
    "dead-letters", "data", ("dead-letter",), _fixed(DeadLetter), "as the record's",
    "one", "stream", ("every service",), (), (), encloses=True,
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
    "one", "week", ("registry",), ("retrain-trigger",),
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
    "one", "forever", ("retrain-trigger",), (), ("retrain-trigger", "console"),
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
    "one", "week", ("drift-detector", "server", "registry"), ("registry",), (),
)  # fmt: skip
AUDIT: Topic[AuditEntry] = Topic(
    "audit", "control", ("audit-entry",), _control(AuditEntry), "subject",
    "one", "forever", ("registry",), (), (),
)  # fmt: skip
CONTROL_DEAD_LETTERS: Topic[DeadLetter] = Topic(
    "dead-letters", "control", ("dead-letter",), _fixed(DeadLetter), "as the record's",
    "one", "week", ("every service",), (), (), encloses=True,
)  # fmt: skip

DATA_PLANE: tuple[Topic[Any], ...] = (
    RECEIVED, EVENTS, LABELS, REJECTED, PREDICTIONS, OUTCOMES, COUNTS, STREAM_DEAD_LETTERS,
)  # fmt: skip
CONTROL_PLANE: tuple[Topic[Any], ...] = (
    STREAMS, MODELS, COMMANDS, TRAINING_REQUESTS, TRAINING_RUNS, DECISIONS, STATISTICS, DRIFT, ALERTS,
    AUDIT, CONTROL_DEAD_LETTERS,
)  # fmt: skip
TOPICS = DATA_PLANE + CONTROL_PLANE
