"""What the log says of a whole deployment: a history for each stream, and alerts of the control plane."""

from __future__ import annotations

from collections import deque
from typing import Any

from penstock.bus.follower import TopicFollower
from penstock.console.web.live.stream_history import KEPT_RECORDS, StreamHistory
from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import (
    ALERTS,
    COMMANDS,
    DECISIONS,
    DRIFT,
    MODELS,
    STATISTICS,
    STREAMS,
    TRAINING_REQUESTS,
    TRAINING_RUNS,
    Topic,
)
from penstock.runtime.service import Resources

FOLLOWED: tuple[Topic[Any], ...] = (
    STREAMS, MODELS, COMMANDS, TRAINING_REQUESTS, TRAINING_RUNS, DECISIONS, STATISTICS, DRIFT, ALERTS,
)  # fmt: skip


class DeploymentHistory:
    """Every stream by name, the newest alerts and decisions of all, and a `revision` that rises with each record."""

    def __init__(self) -> None:
        self.streams: dict[str, StreamHistory] = {}
        self.control_plane = StreamHistory()
        self.newest_alerts: deque[Alert] = deque(maxlen=KEPT_RECORDS)
        self.newest_decisions: deque[Decision] = deque(maxlen=KEPT_RECORDS)
        self.revision = 0

    def apply(self, record: ControlRecord) -> None:
        """Take in one record."""
        self.revision += 1
        match record:
            case Alert():
                self.newest_alerts.append(record)
            case Decision():
                self.newest_decisions.append(record)
        self._history_of(record).apply(record)

    def followers(self, resources: Resources) -> list[TopicFollower[Any]]:
        """The followers that feed it."""
        return [resources.follow(topic, self.apply) for topic in FOLLOWED]

    def declared(self) -> dict[str, StreamHistory]:
        """The streams that are declared, in the order in which they were."""
        return {name: history for name, history in self.streams.items() if history.is_declared}

    def _history_of(self, record: ControlRecord) -> StreamHistory:
        name = record.name if isinstance(record, StreamDeclared) else getattr(record, "stream", None)
        return self.control_plane if name is None else self.streams.setdefault(name, StreamHistory())
