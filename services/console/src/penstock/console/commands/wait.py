"""`penstock wait`"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Annotated

import typer

from penstock.console.commands.json_output import AsJson, tell
from penstock.console.declared_streams import require_stream
from penstock.console.deployment import Deployment
from penstock.console.log_client import open_log
from penstock.console.remote_deployment import used_deployment
from penstock.console.replay.live_deployment import live_deployment
from penstock.console.supervision.failing_service import while_deployment_runs
from penstock.console.views.progress import spinner
from penstock.console.views.terminal import err


def wait(
    name: Annotated[str, typer.Argument(metavar="STREAM", help="The stream to wait for.")],
    quiet: Annotated[bool, typer.Option("--quiet", help="Until nothing is left to do; the default.")] = True,
    as_json: AsJson = False,
) -> None:
    """Wait until a stream is quiet: every event predicted, every label joined, every model trained and served."""
    del quiet
    # Elsewhere than in a terminal its only words are why it takes long: that the broker is away.
    with spinner(err, f"waiting until {name} is quiet") if err.is_terminal else nullcontext():
        deployment = used_deployment()
        asyncio.run(while_deployment_runs(deployment, _wait(deployment, name)))
    tell(as_json, {"stream": name, "quiet": True}, f"{name} is quiet.")


async def _wait(deployment: Deployment, name: str) -> None:
    async with open_log(deployment) as kafka_log:
        stream = await require_stream(kafka_log, deployment.namespace, name)
    async with live_deployment(deployment, stream) as live:
        await live.await_quiet()
