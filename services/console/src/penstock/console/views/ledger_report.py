"""The ledger of a stream: its training runs, the newest decision and its pauses, read from the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penstock.bus.ports import Log
from penstock.console.log_client import read_control_topic
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import DECISIONS, MODELS, STATISTICS, STREAMS, TRAINING_REQUESTS, TRAINING_RUNS, Topic
from penstock.retrain_trigger.ledger import LedgerEntry, ledger_entries
from penstock.retrain_trigger.pauses import PauseTime, pause_times
from penstock.retrain_trigger.stream_state import StreamState

TOPICS: tuple[Topic[Any], ...] = (TRAINING_REQUESTS, TRAINING_RUNS, MODELS, STATISTICS, DECISIONS, STREAMS)


@dataclass(frozen=True)
class LedgerReport:
    """All training runs of a stream, the oldest first, the newest decision (None: there is none), and its pauses."""

    entries: Sequence[LedgerEntry]
    last_decision: Decision | None
    pauses: Sequence[PauseTime] = ()


async def read_ledger(log: Log, namespace: str, stream: str) -> LedgerReport:
    """The ledger of a stream as the log has it now."""
    state = StreamState()

    def apply(record: Any) -> None:
        if (record.name if isinstance(record, StreamDeclared) else record.stream) == stream:
            state.apply(record)

    for topic in TOPICS:
        await read_control_topic(log, namespace, topic, apply)
    return LedgerReport(ledger_entries(state), state.newest_decision, pause_times(state))
