"""`penstock wait`"""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.console.declared_streams import declared_streams
from penstock.console.deployment import Deployment, running_deployment
from penstock.console.failure import wrong_input
from penstock.console.home import home_from_environment
from penstock.console.replay.live_deployment import live_deployment
from penstock.console.views.terminal import out


def wait(
    name: Annotated[str, typer.Argument(metavar="STREAM", help="The stream to wait for.")],
    quiet: Annotated[bool, typer.Option("--quiet", help="Until nothing is left to do; what it always does.")] = True,
) -> None:
    """Wait until a stream is quiet: everything predicted, joined, judged, trained and served."""
    del quiet
    asyncio.run(_wait(running_deployment(home_from_environment()), name))
    out.print(f"{name} is quiet.")


async def _wait(running: Deployment, name: str) -> None:
    log = KafkaLog(Connection(running.bootstrap), running.namespace, "console")
    try:
        stream = (await declared_streams(log, running.namespace)).get(name)
    finally:
        await log.close()
    if stream is None:
        raise wrong_input(f"no stream {name!r} is declared; see: penstock stream list")
    async with live_deployment(running, stream) as deployment:
        await deployment.quiet()
