"""`penstock stream import`"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock.console.commands.json_output import AsJson, print_json
from penstock.console.declared_streams import require_stream
from penstock.console.deployment import Deployment
from penstock.console.failure import wrong_input
from penstock.console.log_client import open_log
from penstock.console.remote_deployment import used_deployment
from penstock.console.replay.history_import import ImportResult, ImportStream, import_history
from penstock.console.replay.live_deployment import LiveDeployment, live_deployment
from penstock.console.replay.rows.historical_events import historical_events
from penstock.console.replay.rows.labelled_rows import FileRows
from penstock.console.supervision.failing_service import while_deployment_runs
from penstock.console.table.table import Table, open_table
from penstock.console.views.progress import progress_bar, spinner
from penstock.console.views.refusals_table import refusals_table
from penstock.console.views.terminal import err, out
from penstock.contracts.records.streams import StreamDeclared


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or NDJSON, plain or gzipped, or Parquet.")],
    name: Annotated[str, typer.Argument(metavar="STREAM", help="The stream whose history it is.")],
    label_delay: Annotated[int, typer.Option(min=0, help="Rows after which a row's label became known.")] = 0,
    rows: Annotated[int | None, typer.Option(min=1, help="Only the first rows of the file.")] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Until the stream is quiet and its first model trained.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Import labelled history, to learn from before the first live event; no score counts it.

    Exits 1 if no row was taken.
    """
    table, deployment = open_table(file).first(rows), used_deployment()
    work = _import(deployment, table, name, label_delay, wait, _say_nothing if as_json else out.print)
    result = asyncio.run(while_deployment_runs(deployment, work))
    if as_json:
        print_json(_document(name, result))
    elif result.refused:
        out.print(refusals_table(result.refusals, table))
    if not result.accepted:
        err.print(f"{file}: none of {result.rows:,} rows was taken.", style="red")
        raise typer.Exit(1)


def _document(name: str, result: ImportResult) -> dict[str, Any]:
    refused = [asdict(refusal) for refusal in result.refusals]
    return {"stream": name, "accepted": result.accepted, "outcomes": result.outcomes, "refused": refused}


def _say_nothing(_: str) -> None:
    pass


async def _import(
    deployment: Deployment, table: Table, name: str, delay: int, wait: bool, say: Callable[[str], None]
) -> ImportResult:
    async with open_log(deployment) as kafka_log:
        declared = await require_stream(kafka_log, deployment.namespace, name)
        _check_importable(declared)
        stream = ImportStream(kafka_log, deployment.namespace, declared)
        rows = FileRows(table, declared.declaration, stream.source)
        total = sum(1 for _ in rows.rows())  # errors in the file come up before anything is sent
        async with live_deployment(deployment, declared) as live:
            result = await _import_with_progress(rows, delay, total, live, stream)
            say(f"{name}: {result.accepted:,} rows of history taken, {result.refused:,} refused")
            if wait and result.accepted:
                with spinner(err, "waiting until its first model is trained and served"):
                    await live.await_quiet()
                say(await _model_text(live, result))
        return result


def _check_importable(stream: StreamDeclared) -> None:
    if stream.declaration.serving.external:
        raise wrong_input(f"the model of {stream.name!r} lives elsewhere: nothing learns from its history here")


async def _import_with_progress(
    rows: FileRows, delay: int, total: int, live: LiveDeployment, stream: ImportStream
) -> ImportResult:
    events, detail = historical_events(rows.rows(), delay), rows.table.path.name
    with progress_bar(err, "import", total) as show:
        return await import_history(events, live, stream, detail, lambda result: show(result.done))


async def _model_text(live: LiveDeployment, result: ImportResult) -> str:
    """Which model serves now; if it is the baseline, why, or where to see why."""
    await live.watch.read_to_end()
    stream, epoch = live.watch.stream, live.watch.epochs[live.watch.newest_epoch]
    model = f"version {epoch.champion.version} ({epoch.champion.family}) serves, epoch {epoch.epoch}"
    first_after = stream.declaration.retrain.first_after
    if result.outcomes < first_after:
        return f"{model}; the first training waits for {first_after:,} outcomes, there are {result.outcomes:,}"
    return model if epoch.champion.version else f"{model}; see: penstock ledger {stream.name}"
