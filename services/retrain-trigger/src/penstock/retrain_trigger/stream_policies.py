"""Where everything that bears on retraining arrives: one memory a stream, and the ruling over it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.retrain_trigger.cron_schedule import due_at
from penstock.retrain_trigger.decision_records import told
from penstock.retrain_trigger.policy import Ruling, rule
from penstock.retrain_trigger.stream_history import Memory, Said


class Desk:
    """The memories of all streams: nothing but a fold over the log."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._memories: defaultdict[str, Memory] = defaultdict(Memory)

    def apply(self, record: Said) -> None:
        """Take in one record of any of the topics."""
        self._memories[stream_of(record)].apply(record)

    def rule(self, stream: str) -> Ruling | None:
        """What is to be done about the stream now, or None when there is nothing to decide."""
        policy = self._policy(stream)
        return rule(stream, policy, self._memories[stream]) if policy else None

    def rule_by_calendar(self, since: datetime, now: datetime) -> dict[str, Ruling]:
        """What is due, by stream, because a cron fired in `(since, now]`."""
        found = ((name, self._by_calendar(name, since, now)) for name in self._streams.names())
        return {name: ruling for name, ruling in found if ruling is not None and ruling.request is not None}

    def decided(self, stream: str) -> Decision | None:
        """The newest decision on the log."""
        return self._memories[stream].decided

    def tell(self, stream: str, ruling: Ruling, number: int) -> Decision:
        """The ruling as the stream's `number`-th decision."""
        return told(stream, self._memories[stream], ruling, number)

    def _by_calendar(self, stream: str, since: datetime, now: datetime) -> Ruling | None:
        policy = self._policy(stream)
        if policy is None or policy.cron is None:
            return None
        fired = due_at(policy.cron, since, now)
        return rule(stream, policy, self._memories[stream], fired) if fired else None

    def _policy(self, stream: str) -> RetrainDeclaration | None:
        """None: the stream is unknown, or its model lives elsewhere, where we cannot train it."""
        declared = self._streams.get(stream)
        return None if declared is None or declared.declaration.serving.external else declared.declaration.retrain


def stream_of(record: Said) -> str:
    """The name of the stream that the record is about."""
    return record.name if isinstance(record, StreamDeclared) else record.stream
