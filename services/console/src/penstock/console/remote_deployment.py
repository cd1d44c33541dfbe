"""A deployment on any machine, found by the URL of its registry, which names everything else."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from penstock.console.deployment import STREAM_CHILD, Deployment, ProcessRecord, running_deployment
from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.console.home import home_from_environment

URL = "PENSTOCK_URL"
TIMEOUT_S = 10.0
WEB_PORTS = {"http": 80, "https": 443}


class _Addresses(BaseModel):
    namespace: str
    kafka: str
    services: dict[str, str]
    artifacts: str
    trusted_keys: str


def used_deployment() -> Deployment:
    """The deployment that the environment names by `PENSTOCK_URL` (`--url`), else the one that runs in the home.

    Raises:
        ConsoleFailure: nothing runs, or nothing answers at the URL.
    """
    url = os.environ.get(URL)
    return find_deployment(url) if url else running_deployment(home_from_environment())


def find_deployment(url: str, transport: httpx.BaseTransport | None = None) -> Deployment:
    """The deployment whose registry answers at `url`; `KAFKA_BOOTSTRAP_SERVERS` goes before the broker that it names.

    Raises:
        ConsoleFailure: nothing answers there, or what answers is no registry.
    """
    found = _ask(_checked(url), transport)
    services = {name: address.rstrip("/") for name, address in found.services.items()}
    streams = services.pop(STREAM_CHILD, None)
    processes = {name: _record(address) for name, address in services.items()}
    if streams is not None and "server" in processes:
        processes["server"] = processes["server"].model_copy(update={"children": (streams,)})
    return Deployment(
        namespace=found.namespace,
        bootstrap=os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or found.kafka,
        ports={},
        processes=processes,
        remote=url,
        artifacts=os.environ.get("PENSTOCK_ARTIFACTS") or found.artifacts,
        trusted_keys=found.trusted_keys,
    )


def artifacts_of(deployment: Deployment | None) -> str:
    """The store of a deployment's models and of its prediction log: the home's unless it is remote."""
    return (deployment.artifacts if deployment else "") or str(home_from_environment().artifacts)


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in WEB_PORTS or not parts.hostname:
        raise wrong_input(f"--url {url}: expected the address of a registry, such as http://127.0.0.1:8030")
    return url.rstrip("/")


def _ask(url: str, transport: httpx.BaseTransport | None) -> _Addresses:
    try:
        with httpx.Client(timeout=TIMEOUT_S, trust_env=False, transport=transport) as client:
            response = client.get(f"{url}/v1/deployment")
        if response.status_code == httpx.codes.OK:
            return _Addresses.model_validate_json(response.content)
        problem = f"it answers {response.status_code} to /v1/deployment"
    except httpx.TransportError as error:
        raise ConsoleFailure(f"The registry at {url} does not answer ({error or type(error).__name__}).") from error
    except ValidationError:
        problem = "its answer to /v1/deployment is another's"
    raise ConsoleFailure(f"No registry of this version of Penstock is at {url}: {problem}.", status=2)


def _record(url: str) -> ProcessRecord:
    parts = urlsplit(url)
    return ProcessRecord(port=parts.port or WEB_PORTS.get(parts.scheme, 0), url=url)
