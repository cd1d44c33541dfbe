"""`penstock status`"""

from __future__ import annotations

import time
from datetime import timedelta

import psutil
import typer
from rich.table import Table
from rich.text import Text

from penstock.console.deployment import Deployment, ProcessRecord
from penstock.console.home import home_from_environment
from penstock.console.service_failures import failures_of, retention_of, waits_for_people
from penstock.console.views.retention_table import retention_table
from penstock.console.views.terminal import STATE_COLOURS, out
from penstock.runtime.supervision.process_health import ProcessState

MIB = 1024 * 1024


def status() -> None:
    """Show every process; exits 1 unless all are ready."""
    deployment = Deployment.read(home_from_environment())
    if deployment is None:
        out.print("Nothing was ever started here. Start it with: penstock up")
        raise typer.Exit(1)
    out.print(_table(deployment))
    for name, failures in failures_of(deployment).items():
        for what, why in failures.items():
            out.print(Text(f"{name}: {what}: {why}", style="yellow"))
    for line in waits_for_people(deployment):
        out.print(Text(line, style="yellow"))
    _print_retention(deployment)
    if not deployment.is_supervised:
        out.print("No supervisor is running. Start it with: penstock up")
    if not (deployment.is_supervised and deployment.is_ready):
        raise typer.Exit(1)


def _print_retention(deployment: Deployment) -> None:
    retention = retention_of(deployment)
    if retention.get("failure"):
        out.print(Text(f"registry: what is left of retention is not known: {retention['failure']}", style="yellow"))
    if retention.get("topics"):
        out.print(retention_table(retention["topics"]))


def _table(deployment: Deployment) -> Table:
    table = Table("service", "state", "pid", "port", "up for", "restarts", "memory", box=None)
    for name, record in deployment.processes.items():
        table.add_row(name, *_cells(record, deployment.is_supervised))
    return table


def _cells(record: ProcessRecord, supervised: bool) -> list[Text | str]:
    members = record.process.group() if record.process else []
    state = record.state if members or supervised else ProcessState.STOPPED
    pid = up_for = memory = ""
    if record.process and members:
        pid = str(record.process.pid)
        up_for = str(timedelta(seconds=round(time.time() - record.process.created)))
        memory = f"{sum(map(_memory, members)) // MIB} MB"
    coloured = Text(state, style=STATE_COLOURS.get(state, "yellow"))
    return [coloured, pid, str(record.port), up_for, str(record.restarts), memory]


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
