"""What ingestion is made of."""

from __future__ import annotations

import asyncio

from penstock.contracts.topics import RECEIVED
from penstock.ingestion.answer_cache import Answers
from penstock.ingestion.answer_watch import Watch
from penstock.ingestion.intake import Intake
from penstock.ingestion.limits import LIMITS, Limits
from penstock.ingestion.settings import IngestionSettings
from penstock.ingestion.web.app import Api
from penstock.runtime.log_writer import LogWriter
from penstock.runtime.service import Resources, Service


def build(
    _: IngestionSettings, resources: Resources, limits: Limits = LIMITS, answers: Answers | None = None
) -> Service:
    """Ingestion: an HTTP interface on the intake; it follows the declarations, and the answers that are asked for."""
    caught_up = asyncio.Event()

    async def note_that_streams_are_read() -> None:
        caught_up.set()

    taking = intake(resources, limits)
    answers = answers or Answers()
    watch = Watch(resources.log, resources.namespace, answers)
    api = Api(
        taking, resources.streams, answers, watch, limits, resources.telemetry, resources.metrics, caught_up.is_set
    )
    return Service(app=api.app(), tasks=[note_that_streams_are_read])


def intake(resources: Resources, limits: Limits = LIMITS) -> Intake:
    """The way in without HTTP, for a replay in one process."""
    return Intake(
        namespace=resources.namespace,
        streams=resources.streams,
        delivery=LogWriter(resources.publisher, RECEIVED, limits.delivery),
        clock=resources.clock,
        telemetry=resources.telemetry,
        metrics=resources.metrics,
        limits=limits,
    )
