"""A deployment's status: all is asked at once, and what does not answer in time is reported as that."""

from __future__ import annotations

import asyncio

import httpx

from penstock.bus.errors import TransientError
from penstock.console.deployment import Deployment
from penstock.console.home import Home
from penstock.console.log_client import open_log_once
from penstock.console.status.consumer_lags import consumer_lags
from penstock.console.status.disk_use import disk_use
from penstock.console.status.probe import now, probe
from penstock.console.status.registry_view import alerts_of, retention_of, waiting_of
from penstock.console.status.report import ProcessReport, StatusReport

BROKER = "broker"
LAGS_LIMIT_S = 3.0


async def deployment_status(home: Home, deployment: Deployment) -> StatusReport:
    """Ask everything at once; takes about 5 s at most, however much of it is down."""
    async with httpx.AsyncClient(trust_env=False) as client:
        processes, retention, waiting, alerts, disk = await asyncio.gather(
            probe_all(client, deployment),
            retention_of(client, deployment),
            waiting_of(client, deployment),
            alerts_of(client, deployment),
            asyncio.to_thread(disk_use, home),
        )
    lags = await _lags(deployment) if any(each.name == BROKER and each.ready for each in processes) else {}
    return StatusReport(
        home=str(home.root),
        asked=now(),
        supervised=deployment.is_supervised,
        unwritten=deployment.unwritten,
        processes=tuple(process.model_copy(update={"lag": lags.get(process.name)}) for process in processes),
        disk=disk,
        retention=retention,
        waiting=tuple(waiting),
        alerts=tuple(alerts),
    )


async def probe_all(client: httpx.AsyncClient, deployment: Deployment) -> list[ProcessReport]:
    """How each process is now."""
    supervised = deployment.is_supervised
    probes = [probe(client, name, record, supervised=supervised) for name, record in deployment.processes.items()]
    return await asyncio.gather(*probes)


async def _lags(deployment: Deployment) -> dict[str, int]:
    """The lag of each service; none where the broker does not answer in time."""
    try:
        async with open_log_once(deployment) as log, asyncio.timeout(LAGS_LIMIT_S):
            return await consumer_lags(log, deployment.namespace)
    except (TransientError, TimeoutError, OSError):
        return {}
