"""The status of a deployment, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from penstock.console.status.report import GIB, ChildStatus, DiskUse, ProcessReport, StatusReport
from penstock.console.status.verdict import first_line, problems_of, warnings_of
from penstock.console.views.retention_table import retention_table
from penstock.console.views.terminal import STATE_COLOURS
from penstock.runtime.supervision.process_health import ProcessState

COLOURS = {str(state): colour for state, colour in STATE_COLOURS.items()} | {"dead": "red"}
COLUMNS = ("service", "state", "pid", "port", "up", "restarts", "lag", "progress", "memory")


def status_lines(report: StatusReport) -> Iterator[RenderableType]:
    """First whether all is well, then what is there, then each thing that is wrong or asks for a look."""
    problems, warnings = problems_of(report), warnings_of(report)
    yield Text(first_line(report), style="red" if problems else "yellow" if warnings else "green")
    yield _table(report)
    if report.disk is not None:
        yield _disk_line(report.disk)
    for problem in problems:
        yield Text(problem, style="red")
    for warning in warnings:
        yield Text(warning, style="yellow")
    for alert in report.alerts:
        if alert.severity == "info":
            yield Text(str(alert))
    if topics := report.retention.get("topics"):
        yield retention_table(topics)


def status_document(report: StatusReport) -> dict[str, Any]:
    """The report with the verdict, as JSON takes it."""
    problems = problems_of(report)
    verdict = {"ready": not problems, "summary": first_line(report), "problems": problems}
    return {**verdict, "warnings": warnings_of(report), **report.model_dump(mode="json")}


def _table(report: StatusReport) -> Table:
    table = Table(*(Column(name, no_wrap=True) for name in COLUMNS), box=None, collapse_padding=True)
    for process in report.processes:
        table.add_row(process.name, *_cells(process, report.asked))
        for child in process.children:
            table.add_row(f"  {child.name}", *_child_cells(child))
    return table


def _cells(process: ProcessReport, asked: datetime) -> list[Text | str]:
    return [
        _state(process.state),
        str(process.pid or ""),
        str(process.port),
        _ago(process.started, asked),
        str(process.restarts),
        "" if process.lag is None else str(process.lag),
        f"{_ago(process.last_progress, asked)} ago" if process.last_progress else "",
        f"{process.memory_bytes >> 20} MB" if process.memory_bytes else "",
    ]


def _child_cells(child: ChildStatus) -> list[Text | str]:
    state = ProcessState.UNREADY if child.ready is False else child.state or ProcessState.READY
    return [_state(state), "", "", "", str(child.restarts)]


def _state(state: str) -> Text:
    return Text(state, style=COLOURS.get(state, "yellow"))


def _ago(time: datetime | None, asked: datetime) -> str:
    return "" if time is None else short_time((asked - time).total_seconds())


def short_time(seconds: float) -> str:
    """A time in its largest unit.

    >>> short_time(59.4), short_time(3599), short_time(7200), short_time(172_800)
    ('59s', '59m', '2h', '2d')
    """
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{max(0, int(seconds))}s"


def _disk_line(disk: DiskUse) -> str:
    parts = (("log", disk.log_bytes), ("state", disk.state_bytes), ("models", disk.models_bytes))
    used = ", ".join(f"{name} {_size(count)}" for name, count in (*parts, ("other", disk.other_bytes)))
    rest = "" if disk.counted else " (not all of it was counted in time)"
    return f"disk: {used}{rest}; {_size(disk.free_bytes)} of {_size(disk.total_bytes)} are left"


def _size(count: int) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count >> 20} MiB"
