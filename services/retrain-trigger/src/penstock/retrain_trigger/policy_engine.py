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
    """The states of all streams, rebuilt from the log at every start, and the policies over them.

    Of a paused stream nothing is decided. Once it goes on its state is evaluated as any other: what fell due meanwhile
    is at most one training.
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._paused: dict[str, datetime] = {}
        self._resumed: dict[str, datetime] = {}
        self._states: defaultdict[str, StreamState] = defaultdict(StreamState)

    def apply(self, record: StreamRecord) -> None:
        """Fold one record of any of the topics into its stream's state."""
        stream = record.name if isinstance(record, StreamDeclared) else record.stream
        self._states[stream].apply(record)
        if isinstance(record, StreamDeclared):
            self._note_pause(record)

    def _note_pause(self, record: StreamDeclared) -> None:
        if record.pause is not None:
            self._paused[record.name] = record.pause.time
            self._resumed.pop(record.name, None)
        elif record.name in self._paused:
            self._resumed[record.name] = self._paused.pop(record.name)

    def forget_resumed(self) -> None:
        """Streams that have gone on so far are not decided on for that."""
        self._resumed.clear()

    def evaluate(self, stream: str) -> RetrainDecision | None:
        """Decide on the stream now; None when there is nothing to decide."""
        policy = self._policy(stream)
        return evaluate_policy(stream, policy, self._states[stream]) if policy else None

    def evaluate_schedules(self, since: datetime, now: datetime) -> dict[str, RetrainDecision]:
        """The decisions to retrain, by stream, of schedules that fired in `(since, now]`.

        With those of streams that go on since the last call, whose schedules may have fired in their pause.
        """
        begins = {name: min(since, self._resumed.get(name, since)) for name in self._streams.names()}
        decisions = [(name, self._evaluate_schedule(name, begin, now)) for name, begin in begins.items()]
        self._resumed.clear()
        return {name: decision for name, decision in decisions if decision is not None and decision.request is not None}

    def newest_decision(self, stream: str) -> Decision | None:
        """The newest decision on the log."""
        return self._states[stream].newest_decision

    def decision_record(self, stream: str, decision: RetrainDecision, number: int) -> Decision:
        """The record of the stream's `number`-th decision."""
        return decision_record(stream, self._states[stream], decision, number)

    def _evaluate_schedule(self, stream: str, since: datetime, now: datetime) -> RetrainDecision | None:
        policy = self._policy(stream)
        fired = firing_between(policy.cron, since, now) if policy is not None and policy.cron is not None else None
        if policy is None or (fired is None and stream not in self._resumed):
            return None
        return evaluate_policy(stream, policy, self._states[stream], fired)

    def _policy(self, stream: str) -> RetrainDeclaration | None:
        """The stream's policy; None when it is not declared or is paused, or nothing is trained for it here."""
        record = self._streams.get(stream)
        if record is None or stream in self._paused or not record.declaration.serving.trains:
            return None
        return record.declaration.retrain
