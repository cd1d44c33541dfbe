"""What services say that they cannot work on."""

from __future__ import annotations

import httpx

from penstock.console.deployment import Deployment

TIMEOUT_S = 2.0


def failures_of(deployment: Deployment) -> dict[str, dict[str, str]]:
    """What fails and why, by process; those that do not answer, or where nothing fails, are left out."""
    with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client:
        failures = {
            name: {what: why for address in addresses for what, why in _failing(client, address).items()}
            for name, addresses in _addresses(deployment).items()
        }
    return {name: found for name, found in failures.items() if found}


def service_addresses(deployment: Deployment) -> list[str]:
    """The addresses of everything that answers HTTP: services, and the children of those that have some."""
    return [address for addresses in _addresses(deployment).values() for address in addresses]


def _addresses(deployment: Deployment) -> dict[str, tuple[str, ...]]:
    return {
        name: (record.url, *record.children)
        for name, record in deployment.processes.items()
        if record.url.startswith("http") and (deployment.remote or record.process is not None)
    }


def _failing(client: httpx.Client, address: str) -> dict[str, str]:
    try:
        document = client.get(f"{address}/healthz").json()
    except (httpx.HTTPError, ValueError):
        return {}
    failing = document.get("failing") if isinstance(document, dict) else None
    return failing if isinstance(failing, dict) else {}
