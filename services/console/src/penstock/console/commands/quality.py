"""`penstock quality`"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from penstock.console.declared_streams import require_stream
from penstock.console.deployment import Deployment, running_deployment
from penstock.console.failure import wrong_input
from penstock.console.home import home_from_environment
from penstock.console.log_client import open_log
from penstock.console.views.quality_report import QualityReport, read_quality
from penstock.console.views.quality_table import quality_document, quality_table
from penstock.console.views.terminal import out


def quality(
    name: Annotated[str, typer.Argument(metavar="STREAM", help="The stream whose predictions to score.")],
    last: Annotated[int | None, typer.Option(min=1, help="How many of the newest blocks of outcomes count.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Show the scores of a stream's predictions, by model version and by the slices that the stream declares."""
    report = asyncio.run(_read(running_deployment(home_from_environment()), name, last))
    if report is None:
        raise wrong_input(f"no outcome of {name} has been scored yet: outcomes are scored a hundred at a time")
    if as_json:
        typer.echo(json.dumps(quality_document(report), indent=2))
    else:
        out.print(quality_table(name, report))


async def _read(deployment: Deployment, name: str, last: int | None) -> QualityReport | None:
    async with open_log(deployment) as kafka_log:
        await require_stream(kafka_log, deployment.namespace, name)
        return await read_quality(kafka_log, deployment.namespace, name, last)
