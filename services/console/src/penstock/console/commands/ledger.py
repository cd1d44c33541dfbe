"""`penstock ledger`"""

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
from penstock.console.views.ledger import Read, as_document, ledger_table, read_ledger
from penstock.console.views.terminal import out


def ledger(
    name: Annotated[str, typer.Argument(metavar="STREAM", help="The stream whose trainings to show.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Show each training of a stream: why, what it was expected to gain and cost, and what came of it."""
    read = asyncio.run(_read(running_deployment(home_from_environment()), name))
    if as_json:
        typer.echo(json.dumps(as_document(read), indent=2))
    else:
        out.print(ledger_table(name, read))


async def _read(running: Deployment, name: str) -> Read:
    log = KafkaLog(Connection(running.bootstrap), running.namespace, "console")
    try:
        if (await declared_streams(log, running.namespace)).get(name) is None:
            raise wrong_input(f"no stream {name!r} is declared; see: penstock stream list")
        return await read_ledger(log, running.namespace, name)
    finally:
        await log.close()
