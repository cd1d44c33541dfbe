"""`penstock stream delete`"""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

import typer

from penstock.console.commands.json_output import AsJson, tell
from penstock.console.commands.stream_pause import Name
from penstock.console.declared_streams import require_known_stream
from penstock.console.deployment import Deployment
from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.console.log_client import open_log
from penstock.console.poll import poll
from penstock.console.registry_command import By, named_actor, request
from penstock.console.remote_deployment import artifacts_of, used_deployment
from penstock.console.services_client import ServicesClient, open_services
from penstock.console.stream_remains import Remains, archive_of, packages_of, remains_lines, topics_of
from penstock.console.views.terminal import err

LOOK_S, LOOKS = 0.5, 120  # between looks whether the topics are gone, and how many: services leave them within 10 s


def delete(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", "--why", help="The reason, for the audit log; it is needed.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Delete a stream for good, with its topics. Its history, archive and artifacts stay, and so does its name.

    It says with counts what goes and what stays, and asks for the stream's name once; --json needs --yes. Services
    forget the stream within seconds, and then the registry deletes its topics. If anything is cut off, the same
    command goes on; the registry does so by itself.
    """
    if not yes and (as_json or not sys.stdin.isatty()):
        raise wrong_input("what is deleted does not come back; say --yes where nobody can be asked")
    who, deployment = named_actor(by), used_deployment()
    remains = asyncio.run(_remains(deployment, name))
    for line in remains_lines(name, remains):
        err.print(line, markup=False, highlight=False, soft_wrap=True)
    if not yes and typer.prompt(f"type the stream's name to delete it ({name})", err=True) != name:
        raise ConsoleFailure("another name was typed; nothing was deleted")
    change = request(lambda services: services.post(f"streams/{name}/delete", {"reason": reason}, who))
    deletion = request(lambda services: _completed(services, name))
    document = {**change, "deletion": deletion, **remains.as_json()}
    tell(as_json, document, f"{name}: deleted; its topics are gone, its history stays: penstock ledger {name}")


async def _remains(deployment: Deployment, name: str) -> Remains:
    async with open_services(deployment) as services:
        models = (await services.get(f"streams/{name}/models"))["models"]
        runs = (await services.get(f"streams/{name}/runs"))["runs"]
    async with open_log(deployment) as log:
        declared = await require_known_stream(log, deployment.namespace, name)
        topics = await topics_of(log, deployment.namespace, declared)
    artifacts = artifacts_of(deployment)
    archive = await asyncio.to_thread(archive_of, artifacts, deployment.namespace, name)
    return Remains(topics, len(models), packages_of(artifacts, runs), archive)


async def _completed(services: ServicesClient, name: str) -> dict[str, Any]:
    """The deletion, once the stream's topics are gone.

    Raises:
        ConsoleFailure: they are not yet.
    """

    async def find() -> dict[str, Any] | None:
        deletion: dict[str, Any] = (await services.get(f"streams/{name}"))["deletion"]
        return deletion if deletion.get("completed") else None

    try:
        return await poll(find, LOOK_S, attempts=LOOKS)
    except TimeoutError as error:
        raise ConsoleFailure(
            f"{name} is deleted, and its topics are still there; the registry goes on by itself: penstock status"
        ) from error
