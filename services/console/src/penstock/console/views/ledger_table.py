"""A ledger as a table, or as JSON."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from rich.console import Group
from rich.table import Table

from penstock.console.views.ledger_report import LedgerReport
from penstock.contracts.records.decisions import Decision, RealisedGain
from penstock.contracts.records.training import Score
from penstock.retrain_trigger.ledger import LedgerEntry
from penstock.retrain_trigger.pauses import PauseTime

COLUMNS = ("run", "why", "until", "rows", "cost (expected)", "gain (expected)", "on the holdout", "came of it")


def ledger_document(report: LedgerReport) -> dict[str, Any]:
    """The ledger as a JSON document: `runs`, the newest `decision`, and `pauses`."""
    runs = TypeAdapter(list[LedgerEntry]).dump_python(list(report.entries), mode="json")
    pauses = TypeAdapter(list[PauseTime]).dump_python(list(report.pauses), mode="json")
    decision = report.last_decision.model_dump(mode="json") if report.last_decision else None
    return {"runs": runs, "decision": decision, "pauses": pauses}


def ledger_table(stream: str, report: LedgerReport) -> Group:
    """One line for each run, and the pauses and the last decision below."""
    table = Table(*COLUMNS, title=f"Trainings of {stream}", title_justify="left")
    for entry in report.entries:
        table.add_row(*_cells(entry))
    return Group(table, *map(paused_text, report.pauses), _decision_text(report.last_decision))


def paused_text(pause: PauseTime) -> str:
    """A time in which nothing was trained, because a person had paused the stream."""
    until = "it lasts" if pause.until is None else f"until {pause.until:%Y-%m-%d %H:%M} UTC"
    why = f": {pause.reason}" if pause.reason else ""
    what = ", and took nothing in" if pause.intake else ""
    return f"Paused since {pause.since:%Y-%m-%d %H:%M} UTC, {until}{what}, by {pause.by}{why}"


def _cells(entry: LedgerEntry) -> list[str]:
    realised = "-" if entry.realised is None else _realised_text(entry.realised)
    return [
        str(entry.fence),
        "push" if entry.push else entry.reason,
        f"{entry.until:,}",
        f"{entry.rows:,}",
        f"{entry.seconds:.1f} s{_expected_text(entry.expected_seconds, '.1f')}",
        f"{realised}{_expected_text(entry.expected_gain, '+.4g')}",
        gain_text(entry.gain),
        "promoted" if entry.promoted else "kept back" if entry.status == "finished" else entry.status,
    ]


def _realised_text(gain: RealisedGain) -> str:
    """A gain of the score, or in the loss of an answer, which is named."""
    unit = f" {gain.loss.replace('_', ' ')}" if gain.loss else ""
    return f"{gain.value:+.4g}{unit} over {gain.rows:,}"


def _expected_text(value: float | None, number_format: str) -> str:
    return "" if value is None else f" ({value:{number_format}})"


def gain_text(gain: Score | None) -> str:
    """A gain with its interval, where that is known."""
    if gain is None:
        return "-"
    return f"{gain.value:+.4g}" + ("" if gain.low is None else f" [{gain.low:+.4g}, {gain.high:+.4g}]")


def _decision_text(decision: Decision | None) -> str:
    if decision is None:
        return "Nothing was decided yet."
    detail = f": {decision.detail}" if decision.detail else ""
    return f"At {decision.outcomes:,} outcomes: {decision.verdict}, {decision.reason}{detail}"
