"""The addresses of the pages."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from penstock.console.views.why_lines import why_lines
from penstock.console.web.actions.catalogue import done_text
from penstock.console.web.charts.reasons_chart import reasons_chart
from penstock.console.web.html_pages import Pages, root_of
from penstock.console.web.pages.audit import read_audit
from penstock.console.web.pages.models import read_model, read_models
from penstock.console.web.pages.predictions import find_answers, read_predictions
from penstock.console.web.pages.training import read_training
from penstock.console.web.shared_pages import SharedPages
from penstock.console.web.sources import Sources
from penstock.contracts.alert_kinds import runbook_of


def add_page_routes(app: FastAPI, sources: Sources, shared: SharedPages, pages: Pages) -> None:
    """Add the routes of all pages."""
    _deployment_pages(app, sources, shared, pages)
    _stream_pages(app, sources, shared, pages)
    _prediction_pages(app, sources, pages)


def _deployment_pages(app: FastAPI, sources: Sources, shared: SharedPages, pages: Pages) -> None:
    @app.get("/", response_class=HTMLResponse)
    async def overview(request: Request) -> HTMLResponse:
        page = await shared.overview()
        return pages.render(request, "overview.html", page=page, live="*", revision=sources.history.revision)

    @app.get("/alerts", response_class=HTMLResponse)
    async def alerts(request: Request) -> HTMLResponse:
        newest = [(alert, runbook_of(alert.kind) or "") for alert in reversed(sources.history.newest_alerts)]
        return pages.render(request, "alerts.html", alerts=newest, live="*", revision=sources.history.revision)

    @app.get("/decisions", response_class=HTMLResponse)
    async def decisions(request: Request) -> HTMLResponse:
        newest = list(reversed(sources.history.newest_decisions))
        return pages.render(request, "decisions.html", decisions=newest, live="*", revision=sources.history.revision)

    @app.get("/audit", response_class=HTMLResponse)
    async def audit(request: Request, before: Annotated[int | None, Query(ge=1)] = None) -> HTMLResponse:
        return pages.render(request, "audit.html", page=await read_audit(sources, before), live="", revision=0)


def _stream_pages(app: FastAPI, sources: Sources, shared: SharedPages, pages: Pages) -> None:
    def of_stream(request: Request, template: str, stream: str, page: Any) -> HTMLResponse:
        revision = sources.history.streams[stream].revision
        return pages.render(request, template, page=page, stream=stream, live=stream, revision=revision)

    @app.get("/streams/{stream}", response_class=HTMLResponse)
    async def score(request: Request, stream: str, done: str = "") -> HTMLResponse:
        page = await shared.stream(stream)
        revision = sources.history.streams[stream].revision
        return pages.render(
            request, "stream.html", page=page, stream=stream, live=stream, revision=revision, done=done_text(done)
        )

    @app.get("/streams/{stream}/answers", response_class=HTMLResponse)
    async def answers(request: Request, stream: str) -> HTMLResponse:
        from penstock.console.web.pages.answers import read_answers  # noqa: PLC0415 (it imports scikit-learn)

        return of_stream(request, "answers.html", stream, await read_answers(sources, stream))

    @app.get("/streams/{stream}/features", response_class=HTMLResponse)
    async def features(request: Request, stream: str) -> HTMLResponse:
        from penstock.console.web.pages.features import read_features  # noqa: PLC0415 (it imports statistics)

        return of_stream(request, "features.html", stream, await read_features(sources, stream))

    @app.get("/streams/{stream}/training", response_class=HTMLResponse)
    async def training(request: Request, stream: str) -> HTMLResponse:
        return of_stream(request, "training.html", stream, await read_training(sources, stream))

    @app.get("/streams/{stream}/models", response_class=HTMLResponse)
    async def models(request: Request, stream: str) -> HTMLResponse:
        return of_stream(request, "models.html", stream, await read_models(sources, stream))

    @app.get("/streams/{stream}/models/{version}", response_class=HTMLResponse)
    async def model(
        request: Request, stream: str, version: int, other: Annotated[int | None, Query(alias="with")] = None
    ) -> HTMLResponse:
        return of_stream(request, "model.html", stream, await read_model(sources, stream, version, other))


def _prediction_pages(app: FastAPI, sources: Sources, pages: Pages) -> None:
    @app.get("/predictions", response_class=HTMLResponse)
    async def search(request: Request, event: str = "", stream: str = "") -> Response:
        event = event.strip()
        if not event:
            names = list(sources.history.declared())
            return pages.render(request, "search.html", streams=names, live="", revision=0)
        if stream:
            return RedirectResponse(
                f"{root_of(request)}/streams/{quote(stream)}/predictions/{quote(event, safe='')}", 303
            )
        return await _why(request, sources, pages, event, None)

    @app.get("/streams/{stream}/predictions", response_class=HTMLResponse)
    async def predictions(request: Request, stream: str) -> HTMLResponse:
        page = await read_predictions(sources, stream)
        return pages.render(request, "predictions.html", page=page, stream=stream, live="", revision=0)

    @app.get("/streams/{stream}/predictions/{event:path}", response_class=HTMLResponse)
    async def why(request: Request, stream: str, event: str) -> HTMLResponse:
        return await _why(request, sources, pages, event, stream)


async def _why(request: Request, sources: Sources, pages: Pages, event: str, stream: str | None) -> HTMLResponse:
    answers = await find_answers(sources, event, stream)
    found = [
        (why, list(why_lines(why)), why.reasons and reasons_chart(why.reasons, why.answer.stream.name))
        for why in answers
    ]
    viewer = sources.trace_viewer
    return pages.render(request, "why.html", event=event, answers=found, trace_viewer=viewer, live="", revision=0)
