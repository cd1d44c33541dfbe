"""`penstock quality`"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from penstock.console.commands.json_output import AsJson, print_json
from penstock.console.commands.time_option import time_of
from penstock.console.declared_streams import require_stream
from penstock.console.deployment import Deployment
from penstock.console.log_client import open_log
from penstock.console.remote_deployment import used_deployment
from penstock.console.services_client import open_services
from penstock.console.views.answer_quality import answer_quality
from penstock.console.views.quality_report import QualityReport, read_quality
from penstock.console.views.quality_table import quality_document, quality_table
from penstock.console.views.terminal import out


def quality(
    name: Annotated[str, typer.Argument(metavar="STREAM", help="The stream whose predictions to score.")],
    by: Annotated[
        str,
        typer.Option(metavar="FIELD[,FIELD]", help="Group the newest answers: version, a field, or two of these."),
    ] = "",
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Answers to events from then on, in UTC.")] = None,
    last: Annotated[
        int | None, typer.Option(min=1, help="How many of the newest blocks count for versions and slices.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what predictions score: the newest ones, matured and provisional; then all by version and slice."""
    deployment = used_deployment()
    newest, report = asyncio.run(_read(deployment, name, _query(by, since), last, with_blocks=not by))
    if as_json:
        blocks = {} if report is None else quality_document(report)
        print_json({**blocks, "newest_answers": newest})
        return
    out.print(answer_quality(newest))
    if report is not None:
        out.print(quality_table(name, report))
    elif not by:
        out.print(f"No block of {name} has been scored yet: outcomes are scored a hundred at a time.")


async def _read(
    deployment: Deployment, name: str, query: dict[str, str], last: int | None, *, with_blocks: bool
) -> tuple[dict[str, Any], QualityReport | None]:
    async with open_log(deployment) as kafka_log, open_services(deployment) as services:
        await require_stream(kafka_log, deployment.namespace, name)
        newest = await services.get(f"streams/{name}/quality?{urlencode(query)}")
        return newest, await read_quality(kafka_log, deployment.namespace, name, last) if with_blocks else None


def _query(by: str, since: str | None) -> dict[str, str]:
    """The parameters of the request.

    Raises:
        ConsoleFailure: `since` is no time.
    """
    query = {"by": by} if by else {}
    if since is not None:
        query["since"] = time_of("--since", since).isoformat()
    return query
