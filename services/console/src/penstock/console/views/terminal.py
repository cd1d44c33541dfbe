"""The terminal: its consoles, progress bars, and the states and addresses of a deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, TextColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from penstock.console.deployment import Deployment
from penstock.runtime.supervision.process_health import ProcessState

if TYPE_CHECKING:
    from penstock.console.broker.download import Progress

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

STATE_COLOURS = {ProcessState.READY: "green", ProcessState.FAILING: "red", ProcessState.STOPPED: "dim"}


@contextmanager
def downloads(console: Console) -> Iterator[Progress]:
    """One progress bar for all files downloaded in the block; nothing is shown without a download."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[file]}"),
    )
    bars = Bars(*columns, console=console)
    task = bars.add_task("Downloading, once", total=0, file="")

    @contextmanager
    def file_progress(name: str, size: int) -> Iterator[Callable[[int], None]]:
        bars.start()
        bars.update(task, total=(bars.tasks[0].total or 0) + size, file=name)
        yield lambda chunk: bars.advance(task, chunk)

    try:
        yield file_progress
    finally:
        if bars.live.is_started:
            bars.update(task, file="")
            bars.stop()


@contextmanager
def states(console: Console) -> Iterator[Callable[[Deployment], None]]:
    """One line with the states of all processes, removed at the end; nothing where the console is no terminal."""
    if not console.is_terminal:
        yield lambda _: None
        return
    with Live(console=console, transient=True) as live:
        yield lambda deployment: live.update(state_line(deployment))


def addresses(deployment: Deployment) -> Table:
    """The addresses of a deployment that users open or send to."""
    table = Table.grid(padding=(0, 2))
    for name, address in named_addresses(deployment):
        table.add_row(f"  {name}", Text(address, style="bold"))
    return table


def state_line(deployment: Deployment) -> Text:
    """The names of all processes in one line, each in the colour of its state."""
    names = ((f"{name} ", STATE_COLOURS.get(record.state, "yellow")) for name, record in deployment.processes.items())
    return Text.assemble(*names)


def named_addresses(deployment: Deployment) -> Iterator[tuple[str, str]]:
    """The same, each by its name."""
    if "console" in deployment.processes:
        yield "console", deployment.url("console")
    yield "events and labels", deployment.url("ingestion")
    yield "predictions", deployment.url("server")
    yield "models", deployment.url("registry")
    if deployment.zipkin:
        yield "traces", deployment.zipkin
    yield "Kafka", deployment.bootstrap
