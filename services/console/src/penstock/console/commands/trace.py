"""`penstock trace EVENT_ID`"""

from __future__ import annotations

import asyncio
from typing import Annotated

import httpx
import typer

from penstock.console.commands.json_output import AsJson, print_json
from penstock.console.declared_streams import declared_streams, require_stream
from penstock.console.deployment import Deployment
from penstock.console.failure import ConsoleFailure
from penstock.console.log_client import open_log
from penstock.console.remote_deployment import used_deployment
from penstock.console.views.terminal import out
from penstock.console.views.trace_hops import Span, hops_document, hops_of, hops_table
from penstock.telemetry import names
from penstock.telemetry.trace_choice import event_trace_id

LOOKBACK_MS = 7 * 86_400_000
MOST_TRACES = 10


def trace(
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID", help="The id of an event.")],
    stream: Annotated[str | None, typer.Option(help="Its stream; every declared one unless named.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the hops of an event, its label and what they led to, and where the trace viewer shows them."""
    deployment = used_deployment()
    streams = asyncio.run(_streams(deployment, stream))
    ids = [f"{event_trace_id(name, event_id):032x}" for name in streams]
    if deployment.zipkin is None:
        where = f"; elsewhere its trace has the id {' or '.join(ids)}" if ids else ""
        raise ConsoleFailure(f"No trace viewer runs here (penstock up --traces){where}.", status=2)
    traces = _find(deployment.zipkin, event_id, ids)
    if not traces:
        raise ConsoleFailure(
            f"No trace of event {event_id!r} is kept: up to 100 new ones a second are. Its id: {' or '.join(ids)}."
        )
    hops = hops_of(traces)
    addresses = [f"{deployment.zipkin}/zipkin/traces/{spans[0]['traceId']}" for spans in traces]
    if as_json:
        print_json(hops_document(hops, addresses))
        return
    out.print(hops_table(hops))
    for address in addresses:
        out.print(address)


async def _streams(deployment: Deployment, stream: str | None) -> list[str]:
    async with open_log(deployment) as kafka_log:
        if stream is not None:
            await require_stream(kafka_log, deployment.namespace, stream)
            return [stream]
        return sorted((await declared_streams(kafka_log, deployment.namespace)).names())


def _find(zipkin: str, event_id: str, ids: list[str]) -> list[list[Span]]:
    """The traces with one of the ids, and those that began elsewhere, with a trace id of their own."""
    query: dict[str, str | int] = {
        "annotationQuery": f"{names.EVENT_ID}={event_id}",
        "limit": MOST_TRACES,
        "lookback": LOOKBACK_MS,
    }
    with httpx.Client(trust_env=False, timeout=30) as client:
        traces: dict[str, list[Span]] = {}
        answers = [client.get(f"{zipkin}/api/v2/trace/{trace_id}") for trace_id in ids]
        found = [answer.json() for answer in answers if answer.status_code == 200]
        for spans in [*found, *client.get(f"{zipkin}/api/v2/traces", params=query).raise_for_status().json()]:
            traces.setdefault(spans[0]["traceId"], spans)
    return list(traces.values())
