"""`penstock replay`"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock.console.commands.json_output import AsJson, print_json
from penstock.console.commands.stream import declaration_in
from penstock.console.failure import wrong_input
from penstock.console.home import home_from_environment
from penstock.console.plan.plan_builder import StartOptions
from penstock.console.remote_deployment import used_deployment
from penstock.console.replay.replay import (
    ReplayOptions,
    ReplayResult,
    ShowProgress,
    replay_in_process,
    replay_live,
)
from penstock.console.replay.stream_time import ReplayProgress
from penstock.console.report_page.report_file import require_known_suffixes, write_report
from penstock.console.supervision.failing_service import while_deployment_runs
from penstock.console.supervision.lifecycle import running
from penstock.console.table.table import Table, open_table
from penstock.console.views.progress import progress_bar
from penstock.console.views.refusals_table import refusals_table
from penstock.console.views.replay_report_table import replay_report_table
from penstock.console.views.terminal import downloads, err, out
from penstock.trainer.processes.memory_allocation import return_large_arrays

RunReplay = Callable[[ShowProgress], Coroutine[Any, Any, ReplayResult]]


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or NDJSON, plain or gzipped, or Parquet.")],
    stream: Annotated[Path, typer.Option(help="The stream.toml; `penstock stream init` writes a first one.")],
    label_delay: Annotated[int, typer.Option(min=0, help="Rows after which a row's label becomes known.")] = 0,
    chunk: Annotated[
        int | None,
        typer.Option(min=1, help="Rows sent at a time; unless set: 1 at delay 0, else delay / 8, at most 100."),
    ] = None,
    rate: Annotated[
        str | None, typer.Option(help="Rows a second on wall time, or `max`, instead of stream time.")
    ] = None,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="All services in this process, without a broker.")
    ] = False,
    up: Annotated[bool, typer.Option("--up", help="Bring a deployment up for this run.")] = False,
    training_delay: Annotated[
        int | None,
        typer.Option(min=0, metavar="ROWS", help="Rows after the end of its training data before a model serves."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the last replay of this stream.")] = False,
    report: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Where to write the report: FILE.html for a page, FILE.json for programs."),
    ] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Only the first rows of the file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send FILE through the running deployment as a stream of its own, and report on it.

    Exits 1 if fewer than 99 % of the events were accepted.
    """
    if in_process and (rate is not None or up or resume):
        raise wrong_input("--in-process goes with neither --rate, --up nor --resume")
    if training_delay is not None and not in_process:
        raise wrong_input("--training-delay goes only with --in-process")
    require_known_suffixes(report or ())
    if in_process:
        return_large_arrays()
    table = open_table(file).first(rows)
    options = ReplayOptions(table, declaration_in(stream), label_delay, chunk, _rate(rate), resume, training_delay or 0)
    total = table.count()
    with ExitStack() as stack:
        run = _in_process_run(options) if in_process else _live_run(options, stack, up=up)
        result = _run_with_progress(run, total)
    for path in report or ():
        write_report(path, result, options, in_process=in_process)
    if as_json:
        print_json(result.report.document(stream=result.stream, **result.extra_fields))
    else:
        _print_result(result, table)
    if not result.report.enough_accepted:
        err.print(f"Only {result.report.accepted} of {result.report.events} events were accepted.", style="red")
        raise typer.Exit(1)


def _print_result(result: ReplayResult, table: Table) -> None:
    if result.nothing_left:
        out.print(f"Nothing was left to send: {result.stream} had every row of {table.path} before.")
    out.print(replay_report_table(result))
    if result.report.refusals:
        out.print(refusals_table(result.report.refusals, table))


def _rate(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        rate = float("inf") if text == "max" else float(text)
    except ValueError:
        rate = 0.0
    if not rate > 0:
        raise wrong_input(f"--rate: expected rows a second or `max`, not {text!r}")
    return rate


def _in_process_run(options: ReplayOptions) -> RunReplay:
    return lambda progress: replay_in_process(options, progress)


def _live_run(options: ReplayOptions, stack: ExitStack, *, up: bool) -> RunReplay:
    """A replay on the running deployment or, with `up`, on one that runs until `stack` is closed."""
    home = home_from_environment()
    if up:
        deployment = stack.enter_context(running(home, StartOptions(), stack.enter_context(downloads(err))))
    else:
        deployment = used_deployment()
    return lambda progress: while_deployment_runs(deployment, replay_live(options, deployment, progress))


def _run_with_progress(run: RunReplay, total: int) -> ReplayResult:
    sent = 0

    with progress_bar(err, "replay", total) as show:

        def note(counts: ReplayProgress) -> None:
            nonlocal sent
            sent = counts.events
            show(sent)

        try:
            return asyncio.run(run(note))
        except KeyboardInterrupt:
            err.print(f"Stopped at row {sent:,} of {total:,}. The same command with --resume goes on from there.")
            raise typer.Exit(130) from None
