"""What ingestion is made of."""

from __future__ import annotations

import asyncio

from penstock.ingestion.api import Api
from penstock.ingestion.delivery import Delivery
from penstock.ingestion.intake import Intake
from penstock.ingestion.limits import LIMITS, Limits
from penstock.ingestion.settings import IngestionSettings
from penstock.runtime.service import Resources, Service


def build(_: IngestionSettings, resources: Resources, limits: Limits = LIMITS) -> Service:
    """Ingestion: an HTTP interface on the intake; it consumes nothing but the declarations."""
    caught_up = asyncio.Event()

    async def note_that_streams_are_read() -> None:
        caught_up.set()

    taking = intake(resources, limits)
    api = Api(taking, limits, resources.telemetry, resources.metrics, caught_up.is_set)
    return Service(app=api.app(), tasks=[note_that_streams_are_read])


def intake(resources: Resources, limits: Limits = LIMITS) -> Intake:
    """The way in without HTTP, for a replay in one process."""
    return Intake(
        namespace=resources.namespace,
        streams=resources.streams,
        delivery=Delivery(resources.publisher, limits),
        clock=resources.clock,
        telemetry=resources.telemetry,
        metrics=resources.metrics,
        limits=limits,
    )
