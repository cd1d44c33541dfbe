"""What services cannot work on for now, as their `/healthz` says, and what the registry says is left of retention."""

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
    registry = deployment.processes.get("registry")
    if registry is None or registry.process is None:
        return {}
    url = f"{registry.url}/v1/retention?limit={MOST_TOPICS}"
    try:
        document = httpx.get(url, timeout=TIMEOUT_S, trust_env=False).raise_for_status().json()
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
