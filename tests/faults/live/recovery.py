"""Waiting until what a fault has hurt works again, and until nothing is left to do."""

from __future__ import annotations

import asyncio
import time

import httpx

from penstock.bus.ports import Log
from penstock.console.broker.broker_probe import broker_answers
from penstock.console.log_client import open_log
from penstock.console.replay.live_deployment import live_deployment
from penstock.console.replay.wait_until_quiet import group_partitions
from penstock.contracts.records.streams import StreamDeclared
from tests.faults.live.site import Site
from tests.faults.live.traffic import Traffic

POLL_S = 0.1


async def until_recovered(site: Site, stream: StreamDeclared, traffic: Traffic, hurt: str) -> None:
    """Wait until what was hurt does its work: what was there when the fault ended is done, what comes is taken."""
    if hurt in ("ingestion", "broker"):
        await traffic.until_acknowledged_after(time.monotonic())
    if hurt == "ingestion":
        return
    if hurt == "registry":
        await _until_answered(f"{site.registry}/v1/streams/{stream.name}", site.stage.client)
    async with open_log(site.stage.deployment) as log:
        await _until_done(log, site.stage.deployment.namespace, stream, "server" if hurt == "broker" else hurt)


async def _until_answered(url: str, client: httpx.AsyncClient) -> None:
    while True:
        try:
            if (await client.get(url)).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        await asyncio.sleep(POLL_S)


async def _until_done(log: Log, namespace: str, stream: StreamDeclared, group: str) -> None:
    """Wait until a group has handled what its topics have now."""
    ends = await log.end_offsets(group_partitions(namespace, stream)[group])
    while True:
        committed = await log.committed(group)
        if all(committed.get(key, 0) >= end for key, end in ends.items()):
            return
        await asyncio.sleep(POLL_S)


async def until_broker_answers(site: Site) -> None:
    """Wait until the broker can be asked for its metadata."""
    while not await broker_answers(site.stage.deployment.bootstrap, timeout_s=1.0):  # noqa: ASYNC110 - it is polled
        await asyncio.sleep(POLL_S)


async def until_at_rest(site: Site, stream: StreamDeclared) -> None:
    """Wait until every process is ready, and nothing of the stream is left to do."""
    await site.stage.until_ready()
    async with live_deployment(site.stage.deployment, stream) as deployment:
        await deployment.await_quiet()
