"""Opening a stream of the running deployment for repairs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from penstock.console.declared_streams import declared_streams, require_stream
from penstock.console.deployment import Deployment
from penstock.console.log_client import open_log
from penstock.console.repair.defect_scan import DefectLog
from penstock.console.repair.site import LiveSite
from penstock.console.services_client import open_services
from penstock.contracts.records.repairs import DefectTopic


@asynccontextmanager
async def live_site(deployment: Deployment, stream: str) -> AsyncIterator[LiveSite]:
    """A declared stream of a deployment, for the length of the block.

    Raises:
        ConsoleFailure: no stream of that name is declared.
    """
    async with open_log(deployment) as log, open_services(deployment) as services:
        declared = await require_stream(log, deployment.namespace, stream)
        yield LiveSite(log, deployment.namespace, declared, services)


async def each_defect_log(deployment: Deployment, topic: DefectTopic, stream: str | None) -> AsyncIterator[DefectLog]:
    """The records of one stream, or of all.

    Raises:
        ConsoleFailure: no stream of that name is declared.
    """
    async with open_log(deployment) as log:
        namespace = deployment.namespace
        if stream is not None:
            yield DefectLog(log, namespace, await require_stream(log, namespace, stream), topic)
            return
        streams = await declared_streams(log, namespace)
        for name in streams.names():
            declared = streams.get(name)
            assert declared is not None
            yield DefectLog(log, namespace, declared, topic)
