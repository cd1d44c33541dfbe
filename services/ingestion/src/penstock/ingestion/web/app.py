"""The HTTP interface: POST of events and labels, GET of their answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from penstock.ingestion.answer_lookup import AnswerLookup
from penstock.ingestion.intake import Intake
from penstock.ingestion.limits import Limits
from penstock.ingestion.web.answer_routes import AnswerRoutes
from penstock.ingestion.web.declared_streams import DeclaredStreams
from penstock.ingestion.web.record_routes import RecordRoutes
from penstock.runtime.http.error_handlers import install_error_handlers
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

    app = FastAPI(
        title="Penstock ingestion",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the observer sees to that
    )
    observer = RequestObserver(resources.telemetry, resources.metrics)
    app.router.routes += RecordRoutes(intake, lookup, streams, limits).routes(observer)
    app.router.routes += AnswerRoutes(lookup, streams).routes(observer)
    install_error_handlers(
        app,
        not_found="expected /v1/streams/STREAM/events, …/labels or …/predictions",
        method_not_allowed="expected POST of events and labels, GET of predictions",
        internal="an error on our side; the same ids are safe to send again",
        metrics=resources.metrics,
    )
    return app
