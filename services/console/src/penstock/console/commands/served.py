"""`penstock served`"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from penstock.console.commands.json_output import AsJson, print_json
from penstock.console.declared_streams import require_stream
from penstock.console.deployment import Deployment
from penstock.console.failure import wrong_input
from penstock.console.lineage.places import Place
from penstock.console.lineage.served_models import EpochSpan, ServedEpoch, ServedModels
from penstock.console.log_client import open_log
from penstock.console.remote_deployment import used_deployment
from penstock.console.views.served_table import served_document, served_lines, spans_document, spans_table
from penstock.console.views.terminal import out

AT = "A time (2026-03-01T14:03, in UTC unless it says otherwise), or a record: TOPIC@PARTITION:OFFSET."


def served(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="The stream.")],
    at: Annotated[str | None, typer.Option("--at", metavar="TIME|PLACE", help=AT)] = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="How many of the newest epochs, without --at.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show which models answered: epoch by epoch, or at a time or at one record of the log."""
    deployment = used_deployment()
    if at is None:
        spans = asyncio.run(_spans(deployment, stream, last))
        if as_json:
            print_json(spans_document(stream, spans))
        else:
            out.print(spans_table(stream, spans))
        return
    found = asyncio.run(_served(deployment, stream, moment_of(at)))
    if as_json:
        print_json(served_document(stream, found))
    elif found:
        for line in served_lines(stream, found):
            out.print(line, markup=False, highlight=False)
    else:
        out.print(f"{stream} had no model at {at}: it was not declared yet.")


def moment_of(text: str) -> datetime | Place:
    """The time or the place that a text names.

    Raises:
        ConsoleFailure: it names neither.
    """
    if (place := Place.parse(text)) is not None:
        return place
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise wrong_input(
            f"--at {text}: neither a time, such as 2026-03-01T14:03, nor a record, such as predictions@0:17"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


async def _served(deployment: Deployment, name: str, moment: datetime | Place) -> list[ServedEpoch]:
    async with open_log(deployment) as kafka_log:
        stream = await require_stream(kafka_log, deployment.namespace, name)
        models = ServedModels(kafka_log, deployment.namespace, stream)
        return [await models.at_place(moment)] if isinstance(moment, Place) else await models.at_time(moment)


async def _spans(deployment: Deployment, name: str, last: int) -> list[EpochSpan]:
    async with open_log(deployment) as kafka_log:
        stream = await require_stream(kafka_log, deployment.namespace, name)
        return await ServedModels(kafka_log, deployment.namespace, stream).spans(last)
