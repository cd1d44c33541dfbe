"""What commands to the registry share: the request, and the reason that goes with it into the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from penstock.console.remote_deployment import used_deployment
from penstock.console.services_client import ServicesClient, open_services

Reason = Annotated[str, typer.Option("--reason", "--why", help="The reason, for the audit log.")]


def request(call: Callable[[ServicesClient], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """What the registry of the running deployment answers to the call.

    Raises:
        ConsoleFailure: nothing runs, or the registry refuses the call.
    """

    async def run() -> dict[str, Any]:
        async with open_services(used_deployment()) as services:
            return await call(services)

    return asyncio.run(run())
