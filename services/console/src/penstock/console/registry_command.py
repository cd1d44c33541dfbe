"""What commands to the registry share: the request, and the reason that goes with it into the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from penstock.console.actor import is_actor
from penstock.console.failure import wrong_input
from penstock.console.remote_deployment import used_deployment
from penstock.console.services_client import ServicesClient, open_services

Reason = Annotated[str, typer.Option("--reason", "--why", help="The reason, for the audit log.")]
By = Annotated[str | None, typer.Option("--by", help="Who asks for it, for the audit log; the user unless set.")]


def request(call: Callable[[ServicesClient], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """What the registry of the running deployment answers to the call.

    Raises:
        ConsoleFailure: nothing runs, or the registry refuses the call.
    """

    async def run() -> dict[str, Any]:
        async with open_services(used_deployment()) as services:
            return await call(services)

    return asyncio.run(run())


def named_actor(name: str | None) -> str | None:
    """The name that a command is given in, if it was said.

    Raises:
        ConsoleFailure: the audit log does not take such a name.
    """
    if name is not None and not is_actor(name):
        raise wrong_input(f"--by {name!r}: expected letters, digits and _ . @ + -, at most 100, without spaces")
    return name
