"""What services say of themselves: what they cannot work on, what is left of retention, what waits for a person."""

from __future__ import annotations

from typing import Any

import httpx

from penstock.console.deployment import Deployment, ProcessRecord

TIMEOUT_S = 2.0
MOST_TOPICS = 20


def failures_of(deployment: Deployment) -> dict[str, dict[str, str]]:
    """What fails and why, by process; those that do not answer, or where nothing fails, are left out."""
    with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client:
        failures = {name: _failures(client, record) for name, record in deployment.processes.items()}
    return {name: found for name, found in failures.items() if found}


def service_addresses(deployment: Deployment) -> list[str]:
    """The addresses of everything that answers HTTP: services, and the children of those that have some."""
    return [
        address
        for record in deployment.processes.values()
        if record.process is not None and record.url.startswith("http")
        for address in (record.url, *record.children)
    ]


def retention_of(deployment: Deployment) -> dict[str, Any]:
    """What the registry says is left of the retention of the topics of which least is; empty if it does not answer."""
    return _registry_document(deployment, f"retention?limit={MOST_TOPICS}")


def waits_for_people(deployment: Deployment) -> list[str]:
    """What the registry does not do by itself, a line each: streams that are held, and proposals that wait."""
    streams = _registry_document(deployment, "streams").get("streams", ())
    held = [
        f"{stream['name']}: version {stream['champion']} is held since the rollback at epoch {stream['hold']['epoch']}"
        f" by {stream['hold']['by']}; lift it: penstock rollback {stream['name']} --release"
        for stream in streams
        if stream.get("hold")
    ]
    proposals = _registry_document(deployment, "proposals").get("proposals", ())
    waiting = [
        f"{each['stream']}: proposal {each['proposal']}, version {each['version']}, waits for approval;"
        f" see: penstock proposals {each['stream']}"
        for each in proposals
        if each["state"] == "waiting"
    ]
    return held + waiting


def _registry_document(deployment: Deployment, path: str) -> dict[str, Any]:
    """What the registry answers below `/v1/`, empty if it does not."""
    registry = deployment.processes.get("registry")
    if registry is None or registry.process is None:
        return {}
    try:
        response = httpx.get(f"{registry.url}/v1/{path}", timeout=TIMEOUT_S, trust_env=False)
        document = response.raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _failures(client: httpx.Client, record: ProcessRecord) -> dict[str, str]:
    if record.process is None or not record.url.startswith("http"):
        return {}
    return {what: why for address in (record.url, *record.children) for what, why in _failing(client, address).items()}


def _failing(client: httpx.Client, address: str) -> dict[str, str]:
    try:
        document = client.get(f"{address}/healthz").json()
    except (httpx.HTTPError, ValueError):
        return {}
    failing = document.get("failing") if isinstance(document, dict) else None
    return failing if isinstance(failing, dict) else {}
