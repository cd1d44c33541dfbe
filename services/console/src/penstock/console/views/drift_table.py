"""Drifts as a table, or as JSON."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from penstock.bus.ports import Log
from penstock.console.log_client import read_control_topic
from penstock.contracts.alert_kinds import AlertKind, runbook_of
from penstock.contracts.records.monitoring import Drift
from penstock.contracts.topics import DRIFT

COLUMNS = ("stream", "what", "status", "event time", "at outcome", "by", "from", "to", "hurts")
COLOURS = {"confirmed": "red", "suspected": "yellow"}


async def read_drifts(log: Log, namespace: str, stream: str | None, last: int) -> Sequence[Drift]:
    """The newest drifts of a stream (None: of all) that the log has, at most `last`, the oldest of them first."""
    drifts: deque[Drift] = deque(maxlen=last)
    await read_control_topic(
        log, namespace, DRIFT, lambda drift: drifts.append(drift) if stream in (None, drift.stream) else None
    )
    return drifts


def drift_document(drifts: Sequence[Drift]) -> dict[str, Any]:
    """The drifts as a JSON document."""
    return {
        "drifts": [drift.model_dump(mode="json") for drift in drifts],
        "runbook": runbook_of(AlertKind.DRIFT),
    }


def drift_table(drifts: Sequence[Drift]) -> Table:
    """One line for each drift."""
    table = Table(*COLUMNS, box=None, caption=f"see {runbook_of(AlertKind.DRIFT)}", caption_justify="left")
    for drift in drifts:
        table.add_row(*_cells(drift))
    return table


def _cells(drift: Drift) -> list[str | Text]:
    return [
        drift.stream,
        _what(drift),
        Text(drift.status, COLOURS[drift.status]),
        f"{drift.time:%Y-%m-%d %H:%M}",
        f"{drift.outcomes - 1:,}",
        drift.detector,
        "-" if drift.earlier_mean is None else f"{drift.earlier_mean:.4g}",
        f"{drift.statistic:.4g}",
        "-" if drift.hurts is None else f"{drift.hurts:+.4g}",
    ]


def _what(drift: Drift) -> str:
    """What drifted: `concept, label yes`, `missing amount`."""
    field = f" {drift.field}" if drift.field else ""
    label = f", label {drift.label}" if drift.label else ""
    return f"{drift.kind}{field}{label}"
