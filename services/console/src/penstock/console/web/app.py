"""The console's pages as an app."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.sse import EventSourceResponse
from starlette.responses import Response

from penstock.bus.errors import TransientError
from penstock.console.failure import ConsoleFailure
from penstock.console.web import static_files
from penstock.console.web.action_routes import add_action_routes
from penstock.console.web.document_routes import PREFIX, add_document_routes
from penstock.console.web.download_routes import add_download_routes
from penstock.console.web.html_pages import Pages, root_of
from penstock.console.web.live.live_feed import LiveFeed
from penstock.console.web.page_routes import add_page_routes
from penstock.console.web.refusal_routes import add_refusal_routes
from penstock.console.web.registry_reader import RegistryFailure
from penstock.console.web.security import SameOrigin
from penstock.console.web.shared_pages import SharedPages
from penstock.console.web.sources import PageMissing, Sources
from penstock.runtime.http.problems import Problem, problem_response

CODES = {404: "not_found", 503: "unavailable"}


def console_app(sources: Sources, feed: LiveFeed, hosts: frozenset[str] = frozenset()) -> FastAPI:
    """The app. Its pages are for people; programs ask the services, and here only what none of them answers."""
    app = FastAPI(
        title="Penstock console",
        openapi_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.add_middleware(SameOrigin, hosts=hosts)
    pages = Pages(sources.namespace)
    app.router.add_route(static_files.STYLE_PATH, static_files.style)
    app.router.add_route(static_files.SCRIPT_PATH, static_files.script)
    app.router.add_route(static_files.PLOTLY_PATH, static_files.plotly)

    @app.get("/live", response_class=EventSourceResponse)
    async def live() -> AsyncGenerator[dict[str, Any]]:
        """What changed, once a second."""
        async for message in feed.messages():
            yield message

    shared = SharedPages(sources)
    add_page_routes(app, sources, shared, pages)
    add_action_routes(app, sources, shared, pages)
    add_refusal_routes(app, sources, pages)
    add_document_routes(app, sources)
    add_download_routes(app, sources)
    _add_failure_pages(app, pages)
    return app


def _add_failure_pages(app: FastAPI, pages: Pages) -> None:
    def failure(request: Request, title: str, detail: str, status: int) -> Response:
        if request.url.path.startswith(root_of(request) + PREFIX):
            return problem_response(Problem(status, CODES.get(status, "invalid"), detail))
        return pages.render(request, "failure.html", status, title=title, detail=detail)

    @app.exception_handler(404)
    async def no_such_path(request: Request, _: Exception) -> Response:
        return failure(request, "No such page", f"There is nothing at {request.url.path}.", 404)

    @app.exception_handler(PageMissing)
    async def missing(request: Request, error: PageMissing) -> Response:
        return failure(request, "Not found", str(error), 404)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return failure(request, "That cannot be read", f"{where or 'the body'}: {first['msg']}", 422)

    @app.exception_handler(RegistryFailure)
    async def registry_failure(request: Request, error: RegistryFailure) -> Response:
        title = "Not found" if error.status == 404 else "The registry cannot tell"
        return failure(request, title, str(error), error.status)

    @app.exception_handler(TransientError)
    async def log_failure(request: Request, error: TransientError) -> Response:
        return failure(request, "The log does not answer", f"{error} Try again in a moment.", 503)

    @app.exception_handler(ConsoleFailure)
    async def console_failure(request: Request, error: ConsoleFailure) -> Response:
        return failure(request, "That cannot be shown", str(error), 422)
