"""Where everything that bears on retraining arrives: one memory a stream, and the decision over it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from penstock.contracts.streams import Streams
from penstock.contracts.training import TrainingRequest
from penstock.retrain_trigger.memory import Memory, Said
from penstock.retrain_trigger.policy import decide, scheduled
from penstock.retrain_trigger.schedule import due_at


class Desk:
    """The memories of all streams: nothing but a fold over the log."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._memories: defaultdict[str, Memory] = defaultdict(Memory)

    def apply(self, record: Said) -> None:
        """Take in one record of any of the five topics."""
        self._memories[record.stream].apply(record)

    def due(self, stream: str) -> TrainingRequest | None:
        """The request that is due for the stream, or None."""
        declared = self._streams.get(stream)
        return decide(stream, declared.declaration.retrain, self._memories[stream]) if declared else None

    def due_by_calendar(self, since: datetime, now: datetime) -> list[TrainingRequest]:
        """The requests of all streams whose cron fired in `(since, now]`."""
        return [request for name in self._streams.names() if (request := self._by_calendar(name, since, now))]

    def _by_calendar(self, stream: str, since: datetime, now: datetime) -> TrainingRequest | None:
        declared = self._streams.get(stream)
        policy = declared.declaration.retrain if declared else None
        if policy is None or policy.cron is None:
            return None
        due = due_at(policy.cron, since, now)
        return scheduled(stream, policy, self._memories[stream], due) if due else None
