"""`penstock stream import`"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Columns

from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.console.declared_streams import declared_streams
from penstock.console.deployment import Deployment, running_deployment
from penstock.console.failure import wrong_input
from penstock.console.home import home_from_environment
from penstock.console.replay.feed import FileFeed
from penstock.console.replay.history_import import Imported, Target, import_history
from penstock.console.replay.labelled_history import history
from penstock.console.replay.live_deployment import LiveDeployment, live_deployment
from penstock.console.table_file import Table, open_table
from penstock.console.views.terminal import err, out
from penstock.contracts.records.streams import StreamDeclared


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file with a header, plain or gzipped.")],
    name: Annotated[str, typer.Argument(metavar="STREAM", help="The stream whose history it is.")],
    label_delay: Annotated[int, typer.Option(min=0, help="Rows after which a row's label became known.")] = 0,
    rows: Annotated[int | None, typer.Option(min=1, help="Only the first rows of the file.")] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Until the stream is quiet, its model trained.")
    ] = True,
) -> None:
    """Load labelled history, to learn from before the first live event; no score ever counts it."""
    table = open_table(file).first(rows)
    found = asyncio.run(_import(running_deployment(home_from_environment()), table, name, label_delay, wait))
    if found.refused:
        out.print(_reasons(found, table))
    if not found.taken:
        err.print(f"{file}: none of {found.read:,} rows was taken.", style="red")
        raise typer.Exit(1)


async def _import(running: Deployment, table: Table, name: str, delay: int, wait: bool) -> Imported:
    log = KafkaLog(Connection(running.bootstrap), running.namespace, "console")
    try:
        stream = _importable((await declared_streams(log, running.namespace)).get(name), name)
        target = Target(log, running.namespace, stream)
        feed = FileFeed(table, stream.declaration, target.source)
        total = sum(1 for _ in feed.rows())  # whatever is wrong with the file is found before anything is sent
        async with live_deployment(running, stream) as deployment:
            found = await _with_progress(feed, delay, total, deployment, target)
            out.print(f"{name}: {found.taken:,} rows of history taken, {found.read - found.taken:,} refused")
            if wait and found.taken:
                await deployment.quiet()
                out.print(await _serving(deployment, found))
        return found
    finally:
        await log.close()


def _importable(stream: StreamDeclared | None, name: str) -> StreamDeclared:
    if stream is None:
        raise wrong_input(f"no stream {name!r} is declared; see: penstock stream list")
    if stream.declaration.serving.external:
        raise wrong_input(f"the model of {name!r} lives elsewhere: nothing learns from its history here")
    return stream


async def _with_progress(
    feed: FileFeed, delay: int, total: int, deployment: LiveDeployment, target: Target
) -> Imported:
    columns = (TextColumn("import"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("import", total=total)
        past, detail = history(feed.rows(), delay), feed.table.path.name
        return await import_history(
            past, deployment, target, detail, lambda found: bar.update(task, completed=found.read)
        )


async def _serving(deployment: LiveDeployment, found: Imported) -> str:
    """Which model serves now, and if it is still the baseline, where to look why."""
    await deployment.watch.catch_up()
    watch = deployment.watch
    newest, declared = watch.epochs[watch.epoch], watch.stream
    model = f"version {newest.champion.version} ({newest.champion.family}) serves, epoch {newest.epoch}"
    first_after = declared.declaration.retrain.first_after
    if found.outcomes < first_after:
        return f"{model}; the first training waits for {first_after:,} outcomes, there are {found.outcomes:,}"
    return model if newest.champion.version else f"{model}; see: penstock ledger {declared.name}"


def _reasons(found: Imported, table: Table) -> Columns:
    lines = table.lines_of({number for numbers in found.rows.values() for number in numbers})
    shown = Columns("reason", "field", "rows", "first lines", "detail", title="Refused", title_justify="left")
    for reason, count in sorted(found.refused.items(), key=lambda one: -one[1]):
        first = ", ".join(str(lines[number]) for number in found.rows[reason])
        shown.add_row(reason.code, reason.field, f"{count:,}", first, reason.detail)
    return shown
