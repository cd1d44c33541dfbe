"""Reports as tables in the terminal."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table

from penstock.console.replay.replay import Done
from penstock.console.replay.report import Report


def report_table(done: Done) -> Group:
    """A replay's report: the counts, then its epochs and drifts."""
    return Group(_counts(done.stream, done.report), epochs_table(done.report), _drifts(done.report))


def _counts(stream: str, report: Report) -> Table:
    table = Table(title=f"Replay {stream}", show_header=False, title_justify="left")
    unit = "accuracy" if report.metric == "accuracy" else "mean absolute error"
    rows = {
        "events": f"{report.events:,}",
        "accepted": f"{report.accepted:,}",
        "rejected": f"{report.rejected:,}",
        "predicted": f"{report.predicted:,}",
        "labels": f"{report.labels:,}",
        unit: "-" if report.score is None else f"{report.score:.4f} (first {report.warmup:.0%} of the rows left out)",
        "trainings": f"{report.retrains} ({report.training_seconds:.1f} s of CPU)",
        "failed requests": str(report.failed_requests),
        "time": f"{report.wall_s:.1f} s, {report.events_per_s:,.0f} events/s",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def epochs_table(report: Report) -> Table:
    """Which model answered from which row on, and why."""
    table = Table("epoch", "from event", "model", "family", "reason", title="Epochs", title_justify="left")
    for line in report.epochs:
        at = "-" if line.at_event is None else f"{line.at_event:,}"
        table.add_row(str(line.epoch), at, line.model, line.family, line.reason)
    return table


def _drifts(report: Report) -> Table:
    table = Table("at event", "kind", "detector", "field", title="Drifts", title_justify="left")
    for line in report.drifts:
        at = "-" if line.at_event is None else f"{line.at_event:,}"
        table.add_row(at, line.kind, line.detector, line.field or "")
    return table
