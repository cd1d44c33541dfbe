"""A deployment's status: all is asked at once, and what does not answer in time is reported as that."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from penstock.bus.errors import TransientError, suppress_transient
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.console.deployment import Deployment
from penstock.console.home import Home
from penstock.console.service_failures import retention_of, waits_for_people
from penstock.console.status.consumer_lags import consumer_lags
from penstock.console.status.disk_use import disk_use
from penstock.console.status.probe import now, probe
from penstock.console.status.report import ProcessReport, StatusReport

LAGS_LIMIT_S = 3.0
CLOSE_LIMIT_S = 0.5
SILENT_REGISTRY: Mapping[str, Any] = {"failure": "the registry does not answer", "topics": []}


async def deployment_status(home: Home, deployment: Deployment) -> StatusReport:
    """Ask everything; takes at most about 5 s, however much of it is down."""
    processes, lags, disk = await asyncio.gather(
        probe_all(deployment), _lags(deployment), asyncio.to_thread(disk_use, home)
    )
    retention, waiting = await _of_registry(deployment, processes)
    return StatusReport(
        home=str(home.root),
        asked=now(),
        supervised=deployment.is_supervised,
        unwritten=deployment.unwritten,
        processes=tuple(process.model_copy(update={"lag": lags.get(process.name)}) for process in processes),
        disk=disk,
        retention=retention,
        waiting=tuple(waiting),
    )


async def probe_all(deployment: Deployment) -> list[ProcessReport]:
    """How each process is now."""
    supervised = deployment.is_supervised
    async with httpx.AsyncClient(trust_env=False) as client:
        probes = [probe(client, name, record, supervised=supervised) for name, record in deployment.processes.items()]
        return await asyncio.gather(*probes)


async def _lags(deployment: Deployment) -> dict[str, int]:
    """The lag of each service; none where the broker does not answer in time."""
    log = KafkaLog(Connection(deployment.bootstrap), deployment.namespace, "console")
    try:
        async with asyncio.timeout(LAGS_LIMIT_S):
            return await consumer_lags(log, deployment.namespace)
    except (TransientError, TimeoutError, OSError):
        return {}
    finally:
        await _close(log)


async def _close(log: KafkaLog) -> None:
    try:
        async with asyncio.timeout(CLOSE_LIMIT_S):
            await suppress_transient(log.close())
    except TimeoutError:
        return


async def _of_registry(deployment: Deployment, processes: list[ProcessReport]) -> tuple[Mapping[str, Any], list[str]]:
    """What the registry says of retention, and of what waits for people; it is asked only if it lives."""
    answers = any(process.name == "registry" and process.ready for process in processes)
    if not answers:
        return (SILENT_REGISTRY if "registry" in deployment.processes else {}), []
    retention, waiting = await asyncio.gather(
        asyncio.to_thread(retention_of, deployment), asyncio.to_thread(waits_for_people, deployment)
    )
    return retention or SILENT_REGISTRY, waiting
