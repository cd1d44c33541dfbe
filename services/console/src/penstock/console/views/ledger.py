"""The retrain ledger of one stream, read from the log and shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from rich.console import Group
from rich.table import Table

from penstock.bus.follower import TopicFollower
from penstock.bus.ports import Log
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.training import Score
from penstock.contracts.topics import DECISIONS, MODELS, STATISTICS, TRAINING_REQUESTS, TRAINING_RUNS, Topic
from penstock.retrain_trigger.ledger import Entry
from penstock.retrain_trigger.ledger import ledger as entries_of
from penstock.retrain_trigger.stream_history import Memory

TOLD_OF: tuple[Topic[Any], ...] = (TRAINING_REQUESTS, TRAINING_RUNS, MODELS, STATISTICS, DECISIONS)

HEADS = ("run", "why", "until", "rows", "cost (expected)", "gain (expected)", "on the holdout", "came of it")


@dataclass(frozen=True)
class Read:
    """All runs of a stream, the oldest first, and the newest decision, if there is one."""

    entries: Sequence[Entry]
    decided: Decision | None


async def read_ledger(log: Log, namespace: str, stream: str) -> Read:
    """What the log tells of the stream's runs now."""
    memory = Memory()

    def take(record: Any) -> None:
        if record.stream == stream:
            memory.apply(record)

    for topic in TOLD_OF:
        follower = TopicFollower(log, namespace, topic, take)
        await follower.start()
        await follower.close()
    return Read(entries_of(memory), memory.decided)


def as_document(read: Read) -> dict[str, Any]:
    """The ledger as JSON can hold it: `runs`, and the newest `decision`."""
    runs = TypeAdapter(list[Entry]).dump_python(list(read.entries), mode="json")
    return {"runs": runs, "decision": read.decided.model_dump(mode="json") if read.decided else None}


def ledger_table(stream: str, read: Read) -> Group:
    """A line for each run, and what was decided last."""
    table = Table(*HEADS, title=f"Trainings of {stream}", title_justify="left")
    for entry in read.entries:
        table.add_row(*_cells(entry))
    return Group(table, _decided(read.decided))


def _cells(entry: Entry) -> list[str]:
    realised = "-" if entry.realised is None else f"{entry.realised.value:+.4g} over {entry.realised.rows:,}"
    return [
        str(entry.fence),
        entry.reason,
        f"{entry.until:,}",
        f"{entry.rows:,}",
        f"{entry.seconds:.1f} s{_expected(entry.expected_seconds, '.1f')}",
        f"{realised}{_expected(entry.expected_gain, '+.4g')}",
        _holdout(entry.gain),
        "promoted" if entry.promoted else "kept back" if entry.status == "finished" else entry.status,
    ]


def _expected(value: float | None, form: str) -> str:
    return "" if value is None else f" ({value:{form}})"


def _holdout(gain: Score | None) -> str:
    return "-" if gain is None else f"{gain.value:+.4g} [{gain.low:+.4g}, {gain.high:+.4g}]"


def _decided(decision: Decision | None) -> str:
    if decision is None:
        return "Nothing was decided yet."
    detail = f": {decision.detail}" if decision.detail else ""
    return f"At {decision.outcomes:,} outcomes: {decision.verdict}, {decision.reason}{detail}"
