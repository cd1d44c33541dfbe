"""Ingestion's parts, put together."""

from __future__ import annotations

import asyncio

from penstock.contracts.topics import RECEIVED
from penstock.ingestion.answer_cache import AnswerCache
from penstock.ingestion.answer_follower import AnswerFollower
from penstock.ingestion.await_answer import AnswerLookup
from penstock.ingestion.intake import Intake
from penstock.ingestion.limits import LIMITS, Limits
from penstock.ingestion.settings import IngestionSettings
from penstock.ingestion.web.app import build_app
from penstock.ingestion.web.declared_streams import DeclaredStreams
from penstock.runtime.log_writer import LogWriter
from penstock.runtime.service import Resources, Service


def build(
    _: IngestionSettings, resources: Resources, limits: Limits = LIMITS, cache: AnswerCache | None = None
) -> Service:
    """Ingestion: an HTTP interface to the intake and to answers. It follows the declared streams."""
    caught_up = asyncio.Event()

    async def set_caught_up() -> None:
        caught_up.set()  # the runtime starts tasks once the followers have read the control plane

    cache = cache or AnswerCache()
    lookup = AnswerLookup(cache, AnswerFollower(resources.log, resources.namespace, cache))
    streams = DeclaredStreams(resources.streams, caught_up.is_set)
    writer = LogWriter(resources.publisher, RECEIVED, limits.write)
    app = build_app(Intake(resources, writer, limits), lookup, streams, limits, resources)
    return Service(app=app, tasks=[set_caught_up], waits_for=writer.waits_for)


def build_intake(resources: Resources, limits: Limits = LIMITS) -> Intake:
    """The intake without HTTP, for a replay in one process."""
    return Intake(resources, LogWriter(resources.publisher, RECEIVED, limits.write), limits)
