"""A simulated stream, whose policy is evaluated after every record, and logs made by such streams."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hypothesis import strategies as st

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.governance import Command
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Drift, Statistics
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.retrain_trigger.decision_record import decision_record
from penstock.retrain_trigger.retrain_policy import RetrainDecision, evaluate_policy
from penstock.retrain_trigger.stream_state import StreamRecord, StreamState

from .conftest import age_loss, command, declared, drift, ended, promoted, statistics

POLICY = RetrainDeclaration(first_after=500, cooldown=1000, settle=0, growth=2.0, fresh=0)


def request_due(policy: RetrainDeclaration, state: StreamState) -> TrainingRequest | None:
    decision = evaluate_policy("power", policy, state)
    return decision.request if decision else None


class SimulatedStream:
    """Applies records to a stream's state; a request that is due is issued and, unless `trained` is false, trained.

    A run's model is promoted when `gain`, the lower end of the interval of what it gained, is above 0. Each run shows
    that with every outcome of its age a model loses a share `aging` of its loss more.
    """

    def __init__(self, policy: RetrainDeclaration = POLICY, gain: float = 0.1, aging: float = 0.0) -> None:
        self.policy = policy
        self.gain = gain
        self.aging = aging
        self.state = StreamState()
        self.issued: list[TrainingRequest] = []

    def apply(self, *records: StreamRecord, trained: bool = True) -> list[TrainingRequest]:
        before = len(self.issued)
        for record in records:
            self.state.apply(record)
            while (request := request_due(self.policy, self.state)) is not None:
                self.state.apply(request)
                self.issued.append(request)
                if trained:
                    self.train(request)
        return self.issued[before:]

    def train(self, request: TrainingRequest, learnt_from: int = 0) -> None:
        ages = tuple(age_loss(age, self.aging * age) for age in (request.until // 4, request.until // 2))
        self.state.apply(ended(request, gain=self.gain, learnt_from=learnt_from, ages=ages))
        if self.gain > 0:
            self.state.apply(promoted(request, request.fence + 1))

    def fired(self, at: datetime) -> TrainingRequest | None:
        decision = evaluate_policy("power", self.policy, self.state, at)
        return decision.request if decision else None

    def decision(self) -> RetrainDecision:
        decision = evaluate_policy("power", self.policy, self.state)
        assert decision is not None
        return decision


def by_topic(log: Sequence[StreamRecord]) -> list[list[StreamRecord]]:
    kinds = (Statistics, Drift, Command, TrainingRequest, TrainingRun, ModelEpoch, StreamDeclared, Decision)
    return [[record for record in log if isinstance(record, kind)] for kind in kinds]


def record_of_kind(kind: str, number: int, outcomes: int, state: StreamState) -> StreamRecord | None:
    match kind:
        case "statistics":
            return statistics(outcomes)
        case "drift":
            return drift(outcomes, name=f"-{number}")
        case "suspicion":
            return drift(outcomes, "suspected", f"-{number}")
        case "command":
            return command(f"c{number}")
        case "promotion":
            return promoted(state.last_request, number) if state.last_request else None
        case "declaration":
            return declared(number + 1)
        case "decision":
            return decision_record("power", state, RetrainDecision("nothing"), number) if state.newest_report else None
        case _:
            return ended(state.last_request) if state.last_request else None


@st.composite
def logs(draw: st.DrawFn) -> list[StreamRecord]:
    """The log of a stream whose requests were issued as soon as they were due."""
    policy = RetrainDeclaration(
        first_after=20, cooldown=draw(st.integers(0, 60)), settle=draw(st.integers(0, 60)), growth=1.5, fresh=0.1
    )
    state, log, outcomes = StreamState(), list[StreamRecord](), 0
    kinds = st.sampled_from(
        ["statistics", "drift", "suspicion", "command", "end", "promotion", "declaration", "decision"]
    )
    for number, kind in enumerate(draw(st.lists(kinds, max_size=30))):
        outcomes += draw(st.integers(0, 30))
        record = record_of_kind(kind, number, outcomes, state)
        while record is not None:
            state.apply(record)
            log.append(record)
            record = request_due(policy, state)
    return log


@st.composite
def readings(draw: st.DrawFn) -> tuple[list[StreamRecord], list[StreamRecord]]:
    """A log, and its records as a reader may see them: any interleaving of the topics, some records repeated."""
    log = draw(logs())
    topics = by_topic(log)
    records: list[StreamRecord] = []
    while any(topics):
        topic = draw(st.sampled_from([topic for topic in topics if topic]))
        records.append(topic.pop(0))
        if draw(st.booleans()):
            records.append(draw(st.sampled_from(records)))
    return log, records
