"""`penstock drift`"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from penstock.console.commands.json_output import AsJson, print_json
from penstock.console.declared_streams import require_known_stream
from penstock.console.deployment import Deployment
from penstock.console.log_client import open_log
from penstock.console.remote_deployment import used_deployment
from penstock.console.views.drift_table import drift_document, drift_table, read_drifts
from penstock.console.views.terminal import out
from penstock.contracts.records.monitoring import Drift


def drift(
    stream: Annotated[str | None, typer.Argument(metavar="[STREAM]", help="The stream; all unless named.")] = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="How many of the newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the drifts of the last week, suspected and confirmed: of what, since when, and whether it hurts."""
    drifts = asyncio.run(_read(used_deployment(), stream, last))
    if as_json:
        print_json(drift_document(drifts))
    elif drifts:
        out.print(drift_table(drifts))
    else:
        out.print("No drift was found in the last week.")


async def _read(deployment: Deployment, stream: str | None, last: int) -> Sequence[Drift]:
    async with open_log(deployment) as kafka_log:
        if stream is not None:
            await require_known_stream(kafka_log, deployment.namespace, stream)
        return await read_drifts(kafka_log, deployment.namespace, stream, last)
