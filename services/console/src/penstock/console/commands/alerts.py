"""`penstock alerts`"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Literal, NoReturn

import typer

from penstock.bus.follower import TopicFollower
from penstock.bus.ports import Log
from penstock.console.declared_streams import require_known_stream
from penstock.console.deployment import Deployment
from penstock.console.log_client import POLL_S, open_log
from penstock.console.remote_deployment import used_deployment
from penstock.console.views.alert_lines import (
    AlertFilter,
    Deliveries,
    alert_json,
    alert_text,
    read_alerts,
    read_deliveries,
)
from penstock.console.views.terminal import out
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.topics import ALERTS

Severity = Literal["info", "warning", "critical"]


def alerts(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    stream: Annotated[str | None, typer.Option(help="Of this stream alone.")] = None,
    severity: Annotated[Severity, typer.Option(help="The least that is shown.")] = "info",
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="How many of the newest.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, an alert a line, for programs.")] = False,
) -> None:
    """Show the alerts of the last week: what is wrong, who was told, and the runbook that helps."""
    deployment = used_deployment()
    asyncio.run(_show(deployment, AlertFilter(stream, severity), last, follow=follow, as_json=as_json))


async def _show(deployment: Deployment, wanted: AlertFilter, last: int, *, follow: bool, as_json: bool) -> None:
    async with open_log(deployment) as kafka_log:
        if wanted.stream is not None:
            await require_known_stream(kafka_log, deployment.namespace, wanted.stream)
        if follow:
            await follow_alerts(kafka_log, deployment.namespace, wanted, last, as_json=as_json)
        found = await read_alerts(kafka_log, deployment.namespace, wanted.takes, last)
        _print(found, await read_deliveries(kafka_log, deployment.namespace, found), as_json=as_json)
        if not found and not as_json:
            out.print("There is no such alert of the last week.")


async def follow_alerts(kafka_log: Log, namespace: str, wanted: AlertFilter, last: int, *, as_json: bool) -> NoReturn:
    """Print the newest alerts, and each that comes; who was told of it is not known by then."""
    found: list[Alert] = []
    follower = TopicFollower(kafka_log, namespace, ALERTS, found.append)
    await follower.start()
    found[:] = list(filter(wanted.takes, found))[-last:]
    while True:
        _print(list(filter(wanted.takes, found)), {}, as_json=as_json)
        found.clear()
        await follower.step(POLL_S)


def _print(alerts: Sequence[Alert], deliveries: Deliveries, *, as_json: bool) -> None:
    for alert in alerts:
        if as_json:
            typer.echo(alert_json(alert, deliveries))
        else:
            out.print(alert_text(alert, deliveries))
