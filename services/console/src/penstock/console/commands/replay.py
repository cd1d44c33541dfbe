"""`penstock replay`"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from penstock.console.commands.stream import declaration_in
from penstock.console.deployment import running_deployment
from penstock.console.failure import wrong_input
from penstock.console.home import home_from_environment
from penstock.console.plan.plan_builder import Wanted
from penstock.console.replay.replay import Asked, Done, Progress, replay_in_process, replay_live, write_report
from penstock.console.supervision.lifecycle import running
from penstock.console.table_file import open_table
from penstock.console.views.replay_view import report_table
from penstock.console.views.terminal import downloads, err, out


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file with a header, plain or gzipped.")],
    stream: Annotated[Path, typer.Option(help="The stream.toml; `penstock stream init` writes a first one.")],
    label_delay: Annotated[int, typer.Option(min=0, help="Rows after which a row's label becomes known.")] = 0,
    chunk: Annotated[
        int | None,
        typer.Option(min=1, help="Rows sent at a time; unless set: 1 at delay 0, else delay / 8, at most 100."),
    ] = None,
    rate: Annotated[
        str | None, typer.Option(help="Rows a second on wall time, or `max`, instead of stream time.")
    ] = None,
    in_process: Annotated[bool, typer.Option("--in-process", help="Every service in this process, no broker.")] = False,
    up: Annotated[bool, typer.Option("--up", help="Bring a deployment up for this run.")] = False,
    training_delay: Annotated[
        int | None,
        typer.Option(min=0, metavar="ROWS", help="Rows after the cut of its data before a model takes effect."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the last replay of this stream.")] = False,
    report: Annotated[Path | None, typer.Option(help="Where to write the report, as JSON.")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Only the first rows of the file.")] = None,
) -> None:
    """Send FILE through the running deployment as a stream of its own, and report what came of it."""
    if in_process and (rate is not None or up or resume):
        raise wrong_input("--in-process goes with neither --rate, --up nor --resume")
    if training_delay is not None and not in_process:
        raise wrong_input("--training-delay goes only with --in-process")
    table = open_table(file).first(rows)
    asked = Asked(table, declaration_in(stream), label_delay, chunk, _rate(rate), resume, training_delay or 0)
    total = table.count()
    with ExitStack() as stack:
        if in_process:
            run: Callable[[Progress], Awaitable[Done]] = lambda progress: replay_in_process(asked, progress)  # noqa: E731
        else:
            home = home_from_environment()
            found = stack.enter_context(running(home, Wanted(), stack.enter_context(downloads(err)))) if up else None
            deployment = found or running_deployment(home)
            run = lambda progress: replay_live(asked, deployment, progress)  # noqa: E731
        done = _watched(run, total)
    if report is not None:
        write_report(done, report)
    out.print(report_table(done))
    if not done.report.enough_accepted:
        err.print(f"Only {done.report.accepted} of {done.report.events} events were accepted.", style="red")
        raise typer.Exit(1)


def _rate(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        found = float("inf") if text == "max" else float(text)
    except ValueError:
        found = 0.0
    if not found > 0:
        raise wrong_input(f"--rate: expected rows a second or `max`, not {text!r}")
    return found


def _watched(run: Callable[[Progress], Awaitable[Done]], total: int) -> Done:
    columns = (TextColumn("replay"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Bar(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("replay", total=total)

        async def go() -> Done:
            return await run(lambda sent: bar.update(task, completed=sent.events))

        return asyncio.run(go())
