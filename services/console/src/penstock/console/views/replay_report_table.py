"""The report of a replay as tables."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from penstock.console.replay.replay import ReplayResult
from penstock.console.replay.report.metric_names import METRIC_NAMES, progress_metric
from penstock.console.replay.report.report import Report
from penstock.console.views.replay_summary import summary_lines
from penstock.console.views.sparkline import ScoreLines


def replay_report_table(result: ReplayResult) -> Group:
    """The figures of a replay, what they mean, then its epochs and drifts."""
    report = result.report
    parts: list[RenderableType] = [
        figures_table(f"Replay {result.stream}", _figures(report)),
        *map(Text, summary_lines(report)),
        score_lines(report),
        epochs_table(report),
    ]
    return Group(*parts, *([_drifts_table(report)] if report.drifts else []))


def score_lines(report: Report) -> ScoreLines:
    """The score over time, above that of a constant."""
    lines = {
        METRIC_NAMES[progress_metric(report.classes)]: [block.score for block in report.progress],
        "a constant": [block.baseline for block in report.progress],
    }
    return ScoreLines(lines, f"row {report.events:,}")


def figures_table(title: str, figures: dict[str, str]) -> Table:
    """Names and values, one pair a line."""
    table = Table(title=title, show_header=False, title_justify="left")
    for name, value in figures.items():
        table.add_row(name, value)
    return table


def epochs_table(report: Report) -> Table:
    """Which model answered from which row on, and why."""
    table = Table("epoch", "from event", "model", "family", "reason", title="Epochs", title_justify="left")
    for line in report.epochs:
        table.add_row(str(line.epoch), _row_text(line.at_event), line.model, line.family, line.reason)
    return table


def _figures(report: Report) -> dict[str, str]:
    score = "-" if report.score is None else f"{report.score:.4f} (first {report.warmup:.0%} of the rows left out)"
    return {
        "events": f"{report.events:,}",
        "accepted": f"{report.accepted:,}",
        "rejected": f"{report.rejected:,}",
        "predicted": f"{report.predicted:,}",
        "labels": f"{report.labels:,}",
        METRIC_NAMES[report.metric]: score,
        "of a constant": _number_text(report.baseline.get(report.metric)),
        "trainings": f"{report.retrains} ({report.training_seconds:.1f} s of CPU)",
        "failed requests": str(report.failed_requests),
        "time": f"{report.wall_s:.1f} s, {report.events_per_s:,.0f} events/s",
    }


def _drifts_table(report: Report) -> Table:
    table = Table("at event", "kind", "detector", "field", title="Drifts", title_justify="left")
    for line in report.drifts:
        table.add_row(_row_text(line.at_event), line.kind, line.detector, line.field or "")
    return table


def _number_text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _row_text(row: int | None) -> str:
    return "-" if row is None else f"{row:,}"
