"""`penstock ledger`"""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from penstock.console.commands.json_output import AsJson, print_json
from penstock.console.declared_streams import require_known_stream
from penstock.console.deployment import Deployment
from penstock.console.log_client import open_log
from penstock.console.remote_deployment import used_deployment
from penstock.console.views.ledger_report import LedgerReport, read_ledger
from penstock.console.views.ledger_table import ledger_document, ledger_table
from penstock.console.views.terminal import out


def ledger(
    name: Annotated[str, typer.Argument(metavar="STREAM", help="The stream whose trainings to show.")],
    as_json: AsJson = False,
) -> None:
    """Show each training of a stream: why, its cost, its expected and realised gain, and whether it was promoted."""
    report = asyncio.run(_read(used_deployment(), name))
    if as_json:
        print_json(ledger_document(report))
    else:
        out.print(ledger_table(name, report))


async def _read(deployment: Deployment, name: str) -> LedgerReport:
    async with open_log(deployment) as kafka_log:
        await require_known_stream(kafka_log, deployment.namespace, name)
        return await read_ledger(kafka_log, deployment.namespace, name)
