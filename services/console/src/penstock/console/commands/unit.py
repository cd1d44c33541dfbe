"""`penstock unit list | resume`"""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import typer

from penstock.console.actor import actor
from penstock.console.commands.json_output import AsJson, tell
from penstock.console.deployment import Deployment
from penstock.console.registry_command import By, Reason, named_actor
from penstock.console.remote_deployment import used_deployment
from penstock.console.service_failures import failures_of, service_addresses
from penstock.console.views.terminal import err

TIMEOUT_S = 5.0

unit = typer.Typer(help="Partitions of streams that services fail at, or have suspended.", no_args_is_help=True)


@unit.command("list")
def list_units(as_json: AsJson = False) -> None:
    """Show what every service fails at or has suspended: since when, the next try, and why."""
    failing = failures_of(used_deployment())
    lines = [f"{service}: {what}: {why}" for service, failures in failing.items() for what, why in failures.items()]
    tell(as_json, {"failing": failing}, *(lines or ["Every service works on all its partitions."]))


@unit.command()
def resume(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="The stream.")],
    partition: Annotated[int | None, typer.Option(min=0, help="All unless set.")] = None,
    group: Annotated[str | None, typer.Option(help="The group, such as validator; all unless set.")] = None,
    reason: Reason = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Try failing and suspended partitions at once; what they read next may go to the dead letters.

    The audit log keeps who asked for it and why; while the registry is away partitions are resumed all the same.
    """
    deployment, who = used_deployment(), named_actor(by) or actor()
    query = {"stream": stream, "partition": partition, "group": group}
    parameters = {name: str(value) for name, value in query.items() if value is not None}
    resumed: dict[str, list[int]] = {}
    for address in service_addresses(deployment):
        for name, partitions in _request("POST", f"{address}/v1/units/resume", parameters).get("resumed", {}).items():
            resumed.setdefault(name, []).extend(partitions)
    lines = [
        f"{name}: partitions {', '.join(map(str, partitions))} of {stream} are tried."
        for name, partitions in resumed.items()
        if partitions
    ]
    if lines and not _is_audited(deployment, stream, {"resumed": resumed, "reason": reason}, who):
        err.print("The audit log does not have it: the registry did not take it.")
    nothing = f"No service has a failing or suspended partition of {stream}."
    tell(as_json, {"stream": stream, "resumed": resumed}, *(lines or [nothing]))


def _is_audited(deployment: Deployment, stream: str, body: dict[str, Any], who: str) -> bool:
    registry = deployment.processes.get("registry")
    if registry is None:
        return False
    url, headers = f"{registry.url}/v1/streams/{stream}/resumed-units", {"x-penstock-actor": who}
    try:
        return httpx.post(url, json=body, headers=headers, timeout=TIMEOUT_S, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _request(method: str, url: str, parameters: dict[str, str] | None = None) -> dict[str, Any]:
    """The answer of a service; empty if it does not answer, or is older than the question."""
    try:
        document = httpx.request(method, url, params=parameters, timeout=TIMEOUT_S, trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
