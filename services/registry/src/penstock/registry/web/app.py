"""The registry over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from starlette.exceptions import HTTPException

from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Alert
from penstock.registry.audit_chain import ChainHead
from penstock.registry.command_context import OPERATOR, CommandContext
from penstock.registry.command_results import CommandResult
from penstock.registry.use_cases.model_commands import Promotion, Rollback
from penstock.registry.use_cases.registry import Registry
from penstock.registry.use_cases.rollout_commands import RolloutAction, RolloutStart
from penstock.registry.web import request_bodies, rollout_view, views
from penstock.registry.web.problems import answer_http_error
from penstock.registry.web.request_bodies import Actor, Headers, IfMatch, StreamName, Version
from penstock.registry.web.request_observer import observed_route
from penstock.runtime.http.problems import Problem
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry

PageLimit = Annotated[int, Query(ge=1, le=1000)]


def registry_app(registry: Registry, telemetry: Telemetry, metrics: Metrics) -> FastAPI:
    """The ASGI app."""
    app = FastAPI(title="Penstock registry", docs_url=None, redoc_url=None)
    app.router.route_class = observed_route(telemetry, metrics)
    app.add_exception_handler(HTTPException, answer_http_error)
    app.add_exception_handler(Exception, answer_http_error)
    _declaration_routes(app, registry)
    _model_routes(app, registry)
    _training_routes(app, registry)
    _rollout_routes(app, registry)
    _stream_views(app, registry)
    _governance_views(app, registry)
    return app


def _declaration_routes(app: FastAPI, registry: Registry) -> None:
    @app.put("/v1/streams/{stream}", openapi_extra=_accepts("application/toml", "application/json"))
    async def apply(
        stream: StreamName,
        request: Request,
        response: Response,
        actor: Actor = OPERATOR,
    ) -> CommandResult:
        """Declare a stream, or change its declaration."""
        declaration = await request_bodies.read_declaration(request, stream)
        context = CommandContext(actor, traceparent=request.state.traceparent)
        result = await registry.apply(declaration, context)
        response.status_code = 201 if result.status == "created" else 200
        return result


def _model_routes(app: FastAPI, registry: Registry) -> None:
    @app.post("/v1/streams/{stream}/promote", openapi_extra=_accepts("application/json"))
    async def promote(
        stream: StreamName, request: Request, headers: Headers, if_match: IfMatch = None
    ) -> CommandResult:
        """Let a version serve."""
        body, context = await request_bodies.read_command(request, request_bodies.PromoteBody, headers)
        epoch = request_bodies.expected_epoch(if_match, body.expected_epoch)
        if epoch is None:
            raise Problem(428, "epoch_missing", "say which epoch you have seen, as expected_epoch or If-Match")
        return await registry.promote(stream, Promotion(body.version, epoch, body.digest, body.detail), context)

    @app.post("/v1/streams/{stream}/rollback", openapi_extra=_accepts("application/json"))
    async def roll_back(
        stream: StreamName, request: Request, headers: Headers, if_match: IfMatch = None
    ) -> CommandResult:
        """Return to an earlier model."""
        body, context = await request_bodies.read_command(request, request_bodies.RollbackBody, headers)
        epoch = request_bodies.expected_epoch(if_match, body.expected_epoch)
        return await registry.roll_back(stream, Rollback(body.to_version, epoch, body.detail), context)

    @app.delete("/v1/models/{stream}/{version}")
    async def archive(stream: StreamName, version: Version, actor: Actor = OPERATOR) -> CommandResult:
        """Archive a version: it can no longer be promoted; its bytes and its history stay."""
        return await registry.archive(stream, version, CommandContext(actor))


def _training_routes(app: FastAPI, registry: Registry) -> None:
    @app.post("/v1/streams/{stream}/retrain", status_code=202, openapi_extra=_accepts("application/json"))
    async def retrain(stream: StreamName, request: Request, headers: Headers) -> CommandResult:
        """Ask for a training."""
        body, context = await request_bodies.read_command(request, request_bodies.RetrainBody, headers)
        return await registry.request_training(stream, body.detail, context)

    @app.post("/v1/streams/{stream}/imported", status_code=202, openapi_extra=_accepts("application/json"))
    async def imported(stream: StreamName, request: Request, headers: Headers) -> CommandResult:
        """Announce that history was imported, so that models are trained on it."""
        body, context = await request_bodies.read_command(request, request_bodies.ImportedBody, headers)
        return await registry.announce_import(stream, body.outcomes, body.detail, context)


def _rollout_routes(app: FastAPI, registry: Registry) -> None:
    @app.post("/v1/streams/{stream}/rollout", openapi_extra=_accepts("application/json"))
    async def start_rollout(stream: StreamName, request: Request, headers: Headers) -> CommandResult:
        """Let versions answer beside the champion, by degrees."""
        body, context = await request_bodies.read_command(request, request_bodies.RolloutBody, headers)
        start = RolloutStart(body.challengers, body.mode, body.steps, body.detail)
        return await registry.start_rollout(stream, start, context)

    @app.post("/v1/streams/{stream}/rollout/{order}", openapi_extra=_accepts("application/json"))
    async def control_rollout(
        stream: StreamName, order: RolloutAction, request: Request, headers: Headers
    ) -> CommandResult:
        """Pause, resume, abort or promote the rollout under way."""
        body, context = await request_bodies.read_command(request, request_bodies.RolloutActionBody, headers)
        return await registry.control_rollout(stream, order, body.detail, context)


def _stream_views(app: FastAPI, registry: Registry) -> None:
    read = registry.database.read

    @app.get("/v1/streams")
    async def all_streams() -> dict[str, list[views.StreamView]]:
        """Every stream."""
        return {"streams": await read(views.all_streams)}

    @app.get("/v1/streams/{stream}")
    async def stream_by_name(stream: StreamName, response: Response) -> views.StreamView:
        """A stream; its ETag is its epoch."""
        view = await read(lambda session: views.find_stream(session, stream))
        response.headers["ETag"] = f'"{view.epoch}"'
        return view

    @app.get("/v1/streams/{stream}/models")
    async def models(stream: StreamName) -> dict[str, list[views.VersionView]]:
        """A stream's registered models."""
        return {"models": await read(lambda session: views.models_of(session, stream))}

    @app.get("/v1/streams/{stream}/epochs")
    async def epochs(stream: StreamName) -> dict[str, list[ModelEpoch]]:
        """A stream's epochs, in order."""
        return {"epochs": await read(lambda session: views.epochs_of(session, stream))}

    @app.get("/v1/streams/{stream}/rollout")
    async def rollout(stream: StreamName) -> rollout_view.RolloutView:
        """The newest rollout."""
        view = await read(lambda session: rollout_view.newest_rollout(session, stream))
        if view is None:
            raise Problem(404, "no_rollout", f"no model of {stream} has been on trial yet")
        return view

    @app.get("/v1/streams/{stream}/runs")
    async def runs(stream: StreamName) -> dict[str, list[views.RunView]]:
        """Training runs, and the decisions on their candidates."""
        return {"runs": await read(lambda session: views.runs_of(session, stream))}

    @app.get("/v1/models/{stream}/{version}")
    async def model_by_version(stream: StreamName, version: Version) -> views.VersionView:
        """A registered model."""
        return await read(lambda session: views.find_model(session, stream, version))


def _governance_views(app: FastAPI, registry: Registry) -> None:
    read = registry.database.read

    @app.get("/v1/alerts")
    async def alerts(limit: PageLimit = 100) -> dict[str, list[Alert]]:
        """The newest alerts, newest first."""
        return {"alerts": await read(lambda session: views.newest_alerts(session, limit))}

    @app.get("/v1/audit")
    async def audit(after: Annotated[int, Query(ge=0, lt=2**31)] = 0, limit: PageLimit = 100) -> views.AuditPage:
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
        head = None if number is None or digest is None else ChainHead(number, digest)
        return await read(lambda session: views.verification(session, head))


def _accepts(*media_types: str) -> dict[str, Any]:
    return {"requestBody": {"content": {media_type: {} for media_type in media_types}}}
