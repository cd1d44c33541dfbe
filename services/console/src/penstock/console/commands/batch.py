"""`penstock batch FILE`"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pyarrow.parquet as pq
import typer

from penstock.console.batch.batch_model import BatchModel, open_batch_model
from penstock.console.batch.batch_run import BatchResult, BatchRun
from penstock.console.batch.output_parts import OutputParts
from penstock.console.declared_streams import require_stream
from penstock.console.deployment import Deployment
from penstock.console.failure import wrong_input
from penstock.console.log_client import open_log
from penstock.console.model_access import open_model_loader
from penstock.console.remote_deployment import used_deployment
from penstock.console.table.sources.parquet_source import ParquetSource
from penstock.console.table.table import Table, open_table
from penstock.console.views.progress import progress_bar
from penstock.console.views.terminal import err, out


def batch(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or NDJSON, plain or gzipped, or Parquet.")],
    stream: Annotated[str, typer.Option(help="The stream whose model predicts.")],
    output: Annotated[Path, typer.Option(help="The file to write: .parquet or .csv.")],
    version: Annotated[
        int | None, typer.Option(min=0, help="A version that has served; the champion unless set.")
    ] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Only the first rows of the file.")] = None,
) -> None:
    """Predict the rows of FILE into a file, without sending an event; what was stopped goes on where it was.

    The columns of FILE are kept, and prediction, probabilities and model come beside them, or why a row is refused.
    Answers are those that the server would give now. Exits 1 if every row is refused.
    """
    parts, table = OutputParts(output), open_table(file).first(rows)
    if output.exists():
        raise wrong_input(f"--output {output}: it exists already; remove it, or choose another name")
    started = parts.recorded()
    model = asyncio.run(_open(used_deployment(), stream, version, started, table))
    run = BatchRun(table, model, datetime.now(UTC))
    if started is None:
        parts.record(_record(table, model))
    else:
        err.print(f"Going on where an earlier run stopped, with its version {model.version.version}.")
    with progress_bar(err, "batch", _count(table)) as show:
        result = run.write(parts, show)
    parts.join()
    _print_result(result, output, model)


async def _open(
    deployment: Deployment, name: str, version: int | None, started: dict[str, Any] | None, table: Table
) -> BatchModel:
    """The model that is asked for, or that of the run that is gone on with."""
    if started is not None:
        if (started["stream"], started["file"], started["rows"]) != (name, table.digest, table.limit):
            raise wrong_input(
                "the output was begun from another file or stream; remove its folder, which ends in .parts"
            )
        version = started["version"]
    loader = open_model_loader(deployment)
    async with open_log(deployment) as log:
        declared = await require_stream(log, deployment.namespace, name)
        if declared.declaration.serving.external:
            raise wrong_input(f"the model of {name!r} lives elsewhere: nothing predicts here")
        learnt_to = None if started is None else started["learnt_to"]
        model = await open_batch_model(log, deployment.namespace, declared, loader, version, learnt_to)
    if started is not None and (started["digest"], started["declared"]) != (model.version.digest, declared.version):
        raise wrong_input(f"{name!r} was declared anew since the output was begun; remove its folder .parts")
    return model


def _record(table: Table, model: BatchModel) -> dict[str, Any]:
    return {
        "stream": model.stream.name,
        "declared": model.stream.version,
        "file": table.digest,
        "rows": table.limit,
        "version": model.version.version,
        "digest": model.version.digest,
        "learnt_to": model.learnt_to,
    }


def _count(table: Table) -> int:
    if not isinstance(table.source, ParquetSource):
        return table.count()
    rows: int = pq.read_metadata(table.path).num_rows
    return rows if table.limit is None else min(rows, table.limit)


def _print_result(result: BatchResult, output: Path, model: BatchModel) -> None:
    refused = sum(result.refusals.values())
    by = f"version {model.version.version} ({model.version.family}) of epoch {model.epoch}"
    out.print(f"{output}: {result.rows - refused:,} rows predicted by {by}, {refused:,} refused")
    for reason, count in result.refusals.most_common(10):
        out.print(f"  {count:,}: {reason}", markup=False, highlight=False)
    if refused == result.rows:
        raise typer.Exit(1)
