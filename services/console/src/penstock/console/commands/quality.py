"""`penstock quality`"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.console.declared_streams import declared_streams
from penstock.console.deployment import Deployment, running_deployment
from penstock.console.failure import wrong_input
from penstock.console.home import home_from_environment
from penstock.console.views.quality import Quality, read_quality
from penstock.console.views.quality_view import as_document, quality_table
from penstock.console.views.terminal import out


def quality(
    name: Annotated[str, typer.Argument(metavar="STREAM", help="The stream whose answers to judge.")],
    last: Annotated[int | None, typer.Option(min=1, help="Only so many of the newest blocks of outcomes.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Show how good the answers were, by model version and by the slices that the stream declares, and for whom."""
    found = asyncio.run(_read(running_deployment(home_from_environment()), name, last))
    if found is None:
        raise wrong_input(f"no outcome of {name} has been judged yet: labels are judged a hundred at a time")
    if as_json:
        typer.echo(json.dumps(as_document(found), indent=2))
    else:
        out.print(quality_table(name, found))


async def _read(running: Deployment, name: str, last: int | None) -> Quality | None:
    log = KafkaLog(Connection(running.bootstrap), running.namespace, "console")
    try:
        if (await declared_streams(log, running.namespace)).get(name) is None:
            raise wrong_input(f"no stream {name!r} is declared; see: penstock stream list")
        return await read_quality(log, running.namespace, name, last)
    finally:
        await log.close()
