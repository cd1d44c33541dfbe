"""Folds the records of all topics into the state of each stream, and evaluates each stream's policy on it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.retrain_trigger.cron_schedule import firing_between
from penstock.retrain_trigger.decision_record import decision_record
from penstock.retrain_trigger.retrain_policy import RetrainDecision, evaluate_policy
from penstock.retrain_trigger.stream_state import StreamRecord, StreamState


class PolicyEngine:
    """The states of all streams, rebuilt from the log at every start, and the policies over them."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._states: defaultdict[str, StreamState] = defaultdict(StreamState)

    def apply(self, record: StreamRecord) -> None:
        """Fold one record of any of the topics into its stream's state."""
        stream = record.name if isinstance(record, StreamDeclared) else record.stream
        self._states[stream].apply(record)

    def evaluate(self, stream: str) -> RetrainDecision | None:
        """Decide on the stream now; None when there is nothing to decide."""
        policy = self._policy(stream)
        return evaluate_policy(stream, policy, self._states[stream]) if policy else None

    def evaluate_schedules(self, since: datetime, now: datetime) -> dict[str, RetrainDecision]:
        """The decisions to retrain, by stream, of schedules that fired in `(since, now]`."""
        decisions = ((name, self._evaluate_schedule(name, since, now)) for name in self._streams.names())
        return {name: decision for name, decision in decisions if decision is not None and decision.request is not None}

    def newest_decision(self, stream: str) -> Decision | None:
        """The newest decision on the log."""
        return self._states[stream].newest_decision

    def decision_record(self, stream: str, decision: RetrainDecision, number: int) -> Decision:
        """The record of the stream's `number`-th decision."""
        return decision_record(stream, self._states[stream], decision, number)

    def _evaluate_schedule(self, stream: str, since: datetime, now: datetime) -> RetrainDecision | None:
        policy = self._policy(stream)
        if policy is None or policy.cron is None:
            return None
        fired = firing_between(policy.cron, since, now)
        return evaluate_policy(stream, policy, self._states[stream], fired) if fired else None

    def _policy(self, stream: str) -> RetrainDeclaration | None:
        """The stream's policy; None when it is not declared, or nothing is trained for it here."""
        record = self._streams.get(stream)
        return record.declaration.retrain if record is not None and record.declaration.serving.trains else None
