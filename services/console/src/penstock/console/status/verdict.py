"""Whether a deployment is well, from its report: decisions without I/O."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from penstock.console.deployment import BROKER
from penstock.console.status.report import GIB, ProcessReport, StatusReport

STALLED_AFTER = timedelta(minutes=5)
"""So long may records wait for a group that handles none, until it is told."""
RECENT = timedelta(minutes=10)
OFTEN = 3
"""So many restarts, the last of them recent, are told although the process is ready at the moment."""
NOTHING_RUNS = "Nothing runs; start it with: penstock up"
FULL_BYTES = 64 << 20
SHORT_SHARE = 0.05


def problems_of(report: StatusReport) -> list[str]:
    """Why the deployment cannot do all of its work; the cause of others, such as a full disk, comes first."""
    if not report.supervised and not any(process.alive for process in report.processes):
        return [*_disk_problems(report), NOTHING_RUNS]
    return [*_disk_problems(report), *_supervisor_problems(report), *map(_not_ready, _unready(report))]


def warnings_of(report: StatusReport) -> list[str]:
    """What works, and still asks for a look."""
    return [
        *(warning for process in report.processes for warning in _process_warnings(process, report)),
        *_disk_warnings(report),
        *_retention_warnings(report),
        *report.waiting,
        *(str(alert) for alert in report.alerts if alert.severity != "info"),
    ]


def first_line(report: StatusReport) -> str:
    """All well, or what is wrong: the first problem, and how many more there are."""
    problems, warnings = problems_of(report), warnings_of(report)
    if problems == [NOTHING_RUNS]:
        return NOTHING_RUNS
    if problems:
        return f"Not well: {problems[0]}{_and_more(len(problems) - 1)}"
    services = sum(process.name not in (BROKER, "zipkin") for process in report.processes)
    broker = "the broker and " if any(process.name == BROKER for process in report.processes) else ""
    all_ready = f"{broker}{services} services are ready"
    return f"All ready, but {warnings[0]}{_and_more(len(warnings) - 1)}" if warnings else f"All well: {all_ready}."


def _and_more(count: int) -> str:
    return f" (and {count} more, below)" if count else ""


def _unready(report: StatusReport) -> list[ProcessReport]:
    return [process for process in report.processes if not process.ready]


def _not_ready(process: ProcessReport) -> str:
    return f"{process.name} is not ready: {process.why}"


def _disk_problems(report: StatusReport) -> Iterator[str]:
    if report.disk is None:
        return
    if report.disk.unwritable:
        yield f"{report.home} cannot be written: {report.disk.unwritable}"
    elif report.disk.free_bytes < FULL_BYTES:
        yield f"the disk of {report.home} is full: {report.disk.free_bytes >> 20} MB are left"


def _supervisor_problems(report: StatusReport) -> Iterator[str]:
    if not report.supervised:
        yield "no supervisor is running; start it with: penstock up"


def _process_warnings(process: ProcessReport, report: StatusReport) -> Iterator[str]:
    for what, why in process.failing.items():
        yield f"{process.name}: {what}: {why}"
    if process.lag and process.last_progress and report.asked - process.last_progress > STALLED_AFTER:
        since = f"{process.last_progress:%Y-%m-%d %H:%M:%S} UTC"
        yield f"{process.name}: {process.lag} records wait, and it has handled none since {since}"
    if process.ready and process.restarts >= OFTEN and process.started and report.asked - process.started < RECENT:
        yield f"{process.name}: restarted {process.restarts} times, the last time just now{_because(process.last_end)}"
    for child in process.children:
        if child.restarts:
            yield f"{process.name}: its child {child.name} was replaced {child.restarts} times{_because(child.why)}"


def _because(why: str) -> str:
    return f": the one before {why}" if why else ""


def _disk_warnings(report: StatusReport) -> Iterator[str]:
    disk = report.disk
    if disk is not None and FULL_BYTES <= disk.free_bytes < min(GIB, SHORT_SHARE * disk.total_bytes):
        yield f"the disk of {report.home} is nearly full: {disk.free_bytes >> 20} MB are left"
    if report.unwritten:
        yield f"the record of the deployment is not up to date: {report.unwritten}"


def _retention_warnings(report: StatusReport) -> Iterator[str]:
    if report.retention.get("failure"):
        yield f"registry: what is left of retention is not known: {report.retention['failure']}"
    for topic in report.retention.get("topics", ()):
        if topic["level"] != "ample":
            when = "has passed" if topic["level"] == "passed" else "will soon pass"
            yield f"retention {when} what {topic['group']} has not read of {topic['topic']}"
