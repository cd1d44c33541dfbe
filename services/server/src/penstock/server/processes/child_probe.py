"""Health probes of the server's children: each that has an address of its own is asked there whether it is stuck."""

from __future__ import annotations

import asyncio
from urllib.request import ProxyHandler, build_opener

from penstock.runtime.supervision.process_health import HealthStatus
from penstock.runtime.supervision.supervised_process import ProcessHooks
from penstock.server.settings import SupervisorSettings

PROBE_TIMEOUT_S = 5.0
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}

_open = build_opener(ProxyHandler({})).open  # a proxy of the environment is not for this machine


def child_hooks(settings: SupervisorSettings) -> list[ProcessHooks]:
    """The hooks of the children, in the order of `child_specs`.

    Http children that share a port cannot be told apart there; each counts as healthy for as long as it lives.
    """
    http = [_hooks(settings.host, settings.port)] if settings.http_workers == 1 else []
    sharing = [ProcessHooks()] * (settings.http_workers - len(http))
    stream = [_hooks(settings.host, settings.stream_port + number) for number in range(settings.stream_workers)]
    return http + sharing + stream


def _hooks(host: str, port: int) -> ProcessHooks:
    reached = ANY_ADDRESS.get(host, host)
    address = f"http://{f'[{reached}]' if ':' in reached else reached}:{port}/healthz"

    async def probe() -> HealthStatus:
        """A child that is not stuck need not be ready: nothing waits for it here."""
        healthy = await asyncio.to_thread(_answers, address)
        return HealthStatus(healthy=healthy, ready=healthy)

    return ProcessHooks(probe=probe)


def _answers(address: str) -> bool:
    """Whether the answer is 200: any other status is an error to urllib."""
    try:
        _open(address, timeout=PROBE_TIMEOUT_S).close()
    except OSError:
        return False
    return True
