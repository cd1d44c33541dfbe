"""The registry over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from starlette.exceptions import HTTPException

from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Alert
from penstock.registry.audit_chain import Head
from penstock.registry.command_results import Change
from penstock.registry.use_cases.commands import Promotion, Rollback
from penstock.registry.use_cases.registry import OPERATOR, Registry
from penstock.registry.use_cases.rollout_commands import Order, Start
from penstock.registry.web import request_bodies, views
from penstock.registry.web.problems import answer_http_error
from penstock.registry.web.request_bodies import Actor, IfMatch, Key, StreamName, Version
from penstock.registry.web.request_observer import observed_route
from penstock.runtime.http.problems import Problem
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry

Most = Annotated[int, Query(ge=1, le=1000)]


def registry_app(registry: Registry, telemetry: Telemetry, metrics: Metrics) -> FastAPI:
    """The app."""
    app = FastAPI(title="Penstock registry", docs_url=None, redoc_url=None)
    app.router.route_class = observed_route(telemetry, metrics)
    app.add_exception_handler(HTTPException, answer_http_error)
    app.add_exception_handler(Exception, answer_http_error)
    _commands(app, registry)
    _stream_views(app, registry)
    _governance_views(app, registry)
    return app


def _commands(app: FastAPI, registry: Registry) -> None:
    @app.put("/v1/streams/{stream}", openapi_extra=_takes("application/toml", "application/json"))
    async def apply(
        stream: StreamName,
        request: Request,
        response: Response,
        actor: Actor = OPERATOR,
    ) -> Change:
        """Declare a stream, or change its declaration."""
        declaration = await request_bodies.declaration_in(request, stream)
        change = await registry.apply(declaration, actor, request.state.traceparent)
        response.status_code = 201 if change.status == "created" else 200
        return change

    @app.post("/v1/streams/{stream}/promote", openapi_extra=_takes("application/json"))
    async def promote(
        stream: StreamName,
        request: Request,
        actor: Actor = OPERATOR,
        key: Key = None,
        if_match: IfMatch = None,
    ) -> Change:
        """Let a version serve."""
        body, once = await request_bodies.command_in(request, request_bodies.PromoteBody, key)
        expected = request_bodies.epoch_expected(if_match, body.expected_epoch)
        if expected is None:
            raise Problem(428, "epoch_missing", "say which epoch you have seen, as expected_epoch or If-Match")
        asked = Promotion(body.version, expected, body.digest, body.detail)
        return await registry.promote(stream, asked, actor, once, request.state.traceparent)

    @app.post("/v1/streams/{stream}/rollback", openapi_extra=_takes("application/json"))
    async def rollback(
        stream: StreamName,
        request: Request,
        actor: Actor = OPERATOR,
        key: Key = None,
        if_match: IfMatch = None,
    ) -> Change:
        """Return to an earlier model."""
        body, once = await request_bodies.command_in(request, request_bodies.RollbackBody, key)
        asked = Rollback(body.to_version, request_bodies.epoch_expected(if_match, body.expected_epoch), body.detail)
        return await registry.rollback(stream, asked, actor, once, request.state.traceparent)

    @app.post("/v1/streams/{stream}/retrain", status_code=202, openapi_extra=_takes("application/json"))
    async def retrain(
        stream: StreamName,
        request: Request,
        actor: Actor = OPERATOR,
        key: Key = None,
    ) -> Change:
        """Ask for a training."""
        body, once = await request_bodies.command_in(request, request_bodies.RetrainBody, key)
        return await registry.retrain(stream, body.detail, actor, once, request.state.traceparent)

    @app.post("/v1/streams/{stream}/imported", status_code=202, openapi_extra=_takes("application/json"))
    async def imported(
        stream: StreamName,
        request: Request,
        actor: Actor = OPERATOR,
        key: Key = None,
    ) -> Change:
        """Say that history was imported, so that it is learnt from."""
        body, once = await request_bodies.command_in(request, request_bodies.ImportedBody, key)
        return await registry.imported(stream, body.outcomes, body.detail, actor, once, request.state.traceparent)

    @app.post("/v1/streams/{stream}/rollout", openapi_extra=_takes("application/json"))
    async def start_rollout(
        stream: StreamName,
        request: Request,
        actor: Actor = OPERATOR,
        key: Key = None,
    ) -> Change:
        """Put versions on trial beside the champion."""
        body, once = await request_bodies.command_in(request, request_bodies.RolloutBody, key)
        asked = Start(body.tried, body.mode, body.steps, body.detail)
        return await registry.start_rollout(stream, asked, actor, once, request.state.traceparent)

    @app.post("/v1/streams/{stream}/rollout/{order}", openapi_extra=_takes("application/json"))
    async def order_rollout(
        stream: StreamName,
        order: Order,
        request: Request,
        actor: Actor = OPERATOR,
        key: Key = None,
    ) -> Change:
        """Pause, resume, abort or promote the rollout under way."""
        body, once = await request_bodies.command_in(request, request_bodies.OrderBody, key)
        return await registry.order_rollout(stream, order, body.detail, actor, once, request.state.traceparent)

    @app.delete("/v1/models/{stream}/{version}")
    async def archive(stream: StreamName, version: Version, actor: Actor = OPERATOR) -> Change:
        """Take a version out of choice; its bytes and its history stay."""
        return await registry.archive(stream, version, actor)


def _stream_views(app: FastAPI, registry: Registry) -> None:
    read = registry.database.read

    @app.get("/v1/streams")
    async def all_streams() -> dict[str, list[views.StreamView]]:
        """Every stream."""
        return {"streams": await read(views.all_streams)}

    @app.get("/v1/streams/{stream}")
    async def one_stream(stream: StreamName, response: Response) -> views.StreamView:
        """A stream; its ETag is its epoch."""
        view = await read(lambda session: views.one_stream(session, stream))
        response.headers["ETag"] = f'"{view.epoch}"'
        return view

    @app.get("/v1/streams/{stream}/models")
    async def models(stream: StreamName) -> dict[str, list[views.VersionView]]:
        """A stream's registered models."""
        return {"models": await read(lambda session: views.models(session, stream))}

    @app.get("/v1/streams/{stream}/epochs")
    async def epochs(stream: StreamName) -> dict[str, list[ModelEpoch]]:
        """What served, in order."""
        return {"epochs": await read(lambda session: views.epochs_of(session, stream))}

    @app.get("/v1/streams/{stream}/rollout")
    async def rollout(stream: StreamName) -> views.RolloutView:
        """The newest rollout."""
        found = await read(lambda session: views.rollout_of(session, stream))
        if found is None:
            raise Problem(404, "no_rollout", f"no model of {stream} has been on trial yet")
        return found

    @app.get("/v1/streams/{stream}/runs")
    async def runs(stream: StreamName) -> dict[str, list[views.RunView]]:
        """Training runs, and what was decided about them."""
        return {"runs": await read(lambda session: views.runs_of(session, stream))}

    @app.get("/v1/models/{stream}/{version}")
    async def one_model(stream: StreamName, version: Version) -> views.VersionView:
        """A registered model."""
        return await read(lambda session: views.one_model(session, stream, version))


def _governance_views(app: FastAPI, registry: Registry) -> None:
    read = registry.database.read

    @app.get("/v1/alerts")
    async def alerts(limit: Most = 100) -> dict[str, list[Alert]]:
        """The newest alerts, newest first."""
        return {"alerts": await read(lambda session: views.newest_alerts(session, limit))}

    @app.get("/v1/audit")
    async def audit(after: Annotated[int, Query(ge=0, lt=2**31)] = 0, limit: Most = 100) -> views.AuditPage:
        """The audit log, a page at a time."""
        return await read(lambda session: views.audit_page(session, after, limit))

    @app.get("/v1/audit/verify")
    async def verify(
        number: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
        digest: Annotated[str | None, Query(alias="hash", pattern=r"^[0-9a-f]{64}$")] = None,
    ) -> views.Verification:
        """Whether the audit chain holds, and still contains a head that was published on `audit`."""
        if (number is None) != (digest is None):
            raise Problem(422, "invalid", "a published head is a number and a hash", "number")
        published = None if number is None or digest is None else Head(number, digest)
        return await read(lambda session: views.verification(session, published))


def _takes(*media_types: str) -> dict[str, Any]:
    return {"requestBody": {"content": {media_type: {} for media_type in media_types}}}
