"""The HTTP interface: POST of events and labels, GET of their answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from penstock.ingestion.await_answer import AnswerLookup
from penstock.ingestion.intake import Intake
from penstock.ingestion.limits import Limits
from penstock.ingestion.web.answer_routes import AnswerRoutes
from penstock.ingestion.web.declared_streams import DeclaredStreams
from penstock.ingestion.web.record_routes import RecordRoutes
from penstock.runtime.http.api_app import build_api
from penstock.runtime.http.error_handlers import ErrorDetails
from penstock.runtime.http.request_observer import RequestObserver
from penstock.runtime.service import Resources


def build_app(
    intake: Intake, lookup: AnswerLookup, streams: DeclaredStreams, limits: Limits, resources: Resources
) -> FastAPI:
    """The application."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await lookup.close()

    observer = RequestObserver(resources.telemetry, resources.metrics)
    return build_api(
        "Penstock ingestion",
        "Takes events and labels onto the log, and gives the answers to events. Every problem is a JSON document as RFC"
        " 9457 has it, with a `code`; nothing of what was sent is repeated in it.",
        version("penstock-ingestion"),
        ErrorDetails(
            not_found="expected /v1/streams/STREAM/events, …/labels or …/predictions",
            method_not_allowed="expected POST of events and labels, GET of predictions",
            internal="an error on our side; the same ids are safe to send again",
        ),
        routes=[
            *RecordRoutes(intake, lookup, streams, limits).routes(observer),
            *AnswerRoutes(lookup, streams).routes(observer),
        ],
        lifespan=lifespan,
        metrics=resources.metrics,
    )
