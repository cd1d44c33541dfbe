"""Ingestion's parts, put together."""

from __future__ import annotations

import asyncio

import httpx

from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.ports import Log
from penstock.contracts.topics import RECEIVED, REJECTED
from penstock.ingestion.answer_cache import AnswerCache
from penstock.ingestion.answer_follower import AnswerFollower
from penstock.ingestion.await_answer import AnswerLookup
from penstock.ingestion.intake import Intake
from penstock.ingestion.limits import LIMITS, Limits
from penstock.ingestion.settings import IngestionSettings
from penstock.ingestion.sources.sources import Sources
from penstock.ingestion.web.app import build_app
from penstock.ingestion.web.declared_streams import DeclaredStreams
from penstock.runtime.log_writer import LogWriter
from penstock.runtime.service import Resources, Service

REGISTRY_SECONDS = 10.0  # that a schema registry may take to answer


def build(
    _: IngestionSettings, resources: Resources, limits: Limits = LIMITS, cache: AnswerCache | None = None
) -> Service:
    """Ingestion: an HTTP interface to the intake and to answers, and readers of sources, of the declared streams."""
    caught_up = asyncio.Event()

    async def set_caught_up() -> None:
        caught_up.set()  # the runtime starts tasks once the followers have read the control plane

    cache = cache or AnswerCache()

    def other_cluster(servers: str) -> Log:
        return KafkaLog(Connection(servers), resources.namespace, "penstock-source")

    lookup = AnswerLookup(cache, AnswerFollower(resources.log, resources.namespace, cache))
    streams = DeclaredStreams(resources.streams, caught_up.is_set)
    writer = LogWriter(resources.publisher, RECEIVED, limits.write)
    app = build_app(Intake(resources, writer, limits), lookup, streams, limits, resources)
    rejections = LogWriter(resources.publisher, REJECTED, limits.write)
    http = httpx.AsyncClient(timeout=REGISTRY_SECONDS, trust_env=False)
    sources = Sources(resources, writer, rejections, other_cluster, http)
    return Service(
        app=app,
        tasks=[set_caught_up, sources.run],
        health=sources.health,
        failures=sources.failures,
        waits_for=writer.waits_for,
    )


def build_intake(resources: Resources, limits: Limits = LIMITS) -> Intake:
    """The intake without HTTP, for a replay in one process."""
    return Intake(resources, LogWriter(resources.publisher, RECEIVED, limits.write), limits)
