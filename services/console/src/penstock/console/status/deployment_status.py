"""A deployment's status: all is asked at once, and what does not answer in time is reported as that."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx

from penstock.bus.errors import TransientError
from penstock.console.deployment import BROKER, Deployment
from penstock.console.home import Home
from penstock.console.log_client import open_log_once
from penstock.console.status.consumer_lags import consumer_lags
from penstock.console.status.disk_use import disk_use
from penstock.console.status.open_alerts import read_open_alerts
from penstock.console.status.probe import now, probe
from penstock.console.status.registry_view import retention_of, waiting_of
from penstock.console.status.report import OpenAlert, ProcessReport, StatusReport

LOG_LIMIT_S = 3.0


async def deployment_status(home: Home, deployment: Deployment) -> StatusReport:
    """Ask everything at once; takes about 5 s at most, however much of it is down."""
    async with httpx.AsyncClient(trust_env=False) as client:
        processes, retention, waiting, disk = await asyncio.gather(
            probe_all(client, deployment),
            retention_of(client, deployment),
            waiting_of(client, deployment),
            _nothing() if deployment.remote else asyncio.to_thread(disk_use, home),
        )
    is_broker_ready = all(each.ready for each in processes if each.name == BROKER)
    lags, alerts = await _ask_log(deployment) if is_broker_ready else ({}, ())
    return StatusReport(
        home=deployment.remote or str(home.root),
        asked=now(),
        supervised=bool(deployment.remote) or deployment.is_supervised,
        unwritten=deployment.unwritten,
        processes=tuple(process.model_copy(update={"lag": lags.get(process.name)}) for process in processes),
        disk=disk,
        retention=retention,
        waiting=tuple(waiting),
        alerts=alerts,
    )


async def probe_all(client: httpx.AsyncClient, deployment: Deployment) -> list[ProcessReport]:
    """How each process is now."""
    supervised = deployment.is_supervised
    remote = bool(deployment.remote)
    probes = [
        probe(client, name, record, supervised=supervised, remote=remote)
        for name, record in deployment.processes.items()
    ]
    return await asyncio.gather(*probes)


async def _nothing() -> None:
    return None


async def _ask_log(deployment: Deployment) -> tuple[Mapping[str, int], tuple[OpenAlert, ...]]:
    """The lag of each service and the alerts that are not over; none where the broker does not answer in time."""
    try:
        async with open_log_once(deployment) as log, asyncio.timeout(LOG_LIMIT_S):
            alerts = await read_open_alerts(log, deployment.namespace)
            return await consumer_lags(log, deployment.namespace), alerts
    except (TransientError, TimeoutError, OSError):
        return {}, ()
