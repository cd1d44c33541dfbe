"""`penstock batch`"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pyarrow.parquet as pq
import typer

from penstock.bus.ports import Log
from penstock.console.batch.batch_model import BatchModel, open_batch_model
from penstock.console.batch.batch_rows import RowSource
from penstock.console.batch.batch_run import BatchResult, BatchRun
from penstock.console.batch.event_rows import EventRows, TimeSpan, copy_events
from penstock.console.batch.file_rows import FileRows
from penstock.console.batch.output_parts import OutputParts
from penstock.console.commands.json_output import AsJson, tell
from penstock.console.commands.time_option import time_of
from penstock.console.declared_streams import require_stream
from penstock.console.deployment import Deployment
from penstock.console.failure import wrong_input
from penstock.console.log_client import open_log
from penstock.console.model_access import open_model_loader
from penstock.console.remote_deployment import used_deployment
from penstock.console.table.sources.parquet_source import ParquetSource
from penstock.console.table.table import Table, open_table
from penstock.console.views.progress import progress_bar
from penstock.console.views.terminal import err
from penstock.contracts.records.streams import StreamDeclared


def batch(
    stream: Annotated[str, typer.Option(help="The stream whose model predicts.")],
    output: Annotated[Path, typer.Option(help="The file to write: .parquet or .csv.")],
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="CSV or NDJSON, plain or gzipped, or Parquet.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Instead of FILE: the stream's events since then.")
    ] = None,
    stop: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="With --from: the events before then; now unless set.")
    ] = None,
    version: Annotated[
        int | None, typer.Option(min=0, help="A version that has served; the champion unless set.")
    ] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Only the first rows of the file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Predict the rows of FILE, or the stream's events of a time, into a file; what was stopped goes on where it was.

    No event is sent. The columns are kept, and prediction, probabilities and model come beside them, or why a row is
    refused. Answers are those that the server would give now. Events count by the time at which the log took them.
    Exits 1 if every row is refused.
    """
    wanted = _wanted(file, rows, start, stop)
    parts = OutputParts(output)
    if output.exists():
        raise wrong_input(f"--output {output}: it exists already; remove it, or choose another name")
    model, source, count = asyncio.run(_open(used_deployment(), stream, version, parts, wanted))
    run = BatchRun(source, model)
    with progress_bar(err, "batch", count()) as show:
        result = run.write(parts, show)
    parts.join()
    _print_result(result, output, model, as_json)


@dataclass(frozen=True)
class _FileRange:
    """The rows of a file."""

    table: Table

    def record(self) -> dict[str, Any]:
        """What tells it from others."""
        return {"file": self.table.digest, "rows": self.table.limit}

    async def open(
        self, log: Log, namespace: str, model: BatchModel, parts: OutputParts
    ) -> tuple[RowSource, Callable[[], int]]:
        """The rows, and what counts them."""
        del log, namespace, parts
        learns = model.model.learner is not None
        return FileRows(self.table, model.stream, datetime.now(UTC), with_entities=learns), self._count

    def _count(self) -> int:
        if not isinstance(self.table.source, ParquetSource):
            return self.table.count()
        rows: int = pq.read_metadata(self.table.path).num_rows
        return rows if self.table.limit is None else min(rows, self.table.limit)


@dataclass(frozen=True)
class _EventRange:
    """The events that the log took in a span of time."""

    span: TimeSpan

    def record(self) -> dict[str, Any]:
        """What tells it from others."""
        return {"from": self.span.start.isoformat(), "to": self.span.stop.isoformat()}

    async def open(
        self, log: Log, namespace: str, model: BatchModel, parts: OutputParts
    ) -> tuple[RowSource, Callable[[], int]]:
        """The events, which are copied from the log first, and what counts them."""
        copy = parts.folder / "events"
        if not copy.exists():
            await copy_events(log, namespace, model.stream, self.span, copy)
        rows = EventRows(copy, model.stream, self.span)
        return rows, rows.count


def _wanted(file: Path | None, rows: int | None, start: str | None, stop: str | None) -> _FileRange | _EventRange:
    if file is not None and start is None and stop is None:
        return _FileRange(open_table(file).first(rows))
    if file is not None or start is None or rows is not None:
        raise wrong_input("name a FILE (of which --rows may take the first), or --from TIME, perhaps with --to TIME")
    span = TimeSpan(time_of("--from", start), datetime.now(UTC) if stop is None else time_of("--to", stop))
    if span.start >= span.stop:
        raise wrong_input(f"--from {start}: it is not before the end of the span, {span.stop:%Y-%m-%d %H:%M:%S}")
    return _EventRange(span)


async def _open(
    deployment: Deployment, name: str, version: int | None, parts: OutputParts, wanted: _FileRange | _EventRange
) -> tuple[BatchModel, RowSource, Callable[[], int]]:
    """The model that is asked for, or that of the run that is gone on with, and the rows."""
    loader, started = open_model_loader(deployment), parts.recorded()
    async with open_log(deployment) as log:
        declared = await require_stream(log, deployment.namespace, name)
        if not declared.declaration.serving.trains:
            raise wrong_input(f"the model of {name!r} lives elsewhere: nothing predicts here")
        if started is None:
            model = await open_batch_model(log, deployment.namespace, declared, loader, version)
            parts.record(_record(model) | wanted.record())
        else:
            _expect_same(started, declared, wanted)
            version, learnt_to = started["version"], started["learnt_to"]
            model = await open_batch_model(log, deployment.namespace, declared, loader, version, learnt_to)
            if started["digest"] != model.version.digest:
                raise wrong_input(f"version {version} is another since the output was begun; remove its folder .parts")
            err.print(f"Going on where an earlier run stopped, with its version {version}.")
        return model, *await wanted.open(log, deployment.namespace, model, parts)


def _expect_same(started: dict[str, Any], declared: StreamDeclared, wanted: _FileRange | _EventRange) -> None:
    asked = {"stream": declared.name} | wanted.record()
    if any(started.get(name) != value for name, value in asked.items()):
        raise wrong_input("the output was begun from other rows or another stream; remove its folder, *.parts")
    if started["declared"] != declared.version:
        raise wrong_input(f"{declared.name!r} was declared anew since the output was begun; remove its folder, *.parts")


def _record(model: BatchModel) -> dict[str, Any]:
    return {
        "stream": model.stream.name,
        "declared": model.stream.version,
        "version": model.version.version,
        "digest": model.version.digest,
        "learnt_to": model.learnt_to,
    }


def _print_result(result: BatchResult, output: Path, model: BatchModel, as_json: bool) -> None:
    refused = sum(result.refusals.values())
    by = f"version {model.version.version} ({model.version.family}) of epoch {model.epoch}"
    document = {
        "output": str(output),
        "version": model.version.version,
        "epoch": model.epoch,
        "predicted": result.rows - refused,
        "refused": dict(result.refusals),
    }
    reasons = [f"  {count:,}: {reason}" for reason, count in result.refusals.most_common(10)]
    line = f"{output}: {result.rows - refused:,} rows predicted by {by}, {refused:,} refused"
    tell(as_json, document, line, *reasons)
    if refused == result.rows > 0:
        raise typer.Exit(1)
