"""Routes of commands: what changes streams, models and rollouts."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from penstock.contracts.declaration.stream import Declaration
from penstock.registry.command_context import OPERATOR, CommandContext
from penstock.registry.command_results import CommandResult
from penstock.registry.use_cases.model_commands import Promotion, Rollback
from penstock.registry.use_cases.registry import Registry
from penstock.registry.use_cases.rollout_commands import RolloutAction, RolloutStart
from penstock.registry.web import request_bodies
from penstock.registry.web.documentation import NO_STREAM, NO_VERSION, STALE, UNSERVABLE, command, view, with_body
from penstock.registry.web.request_bodies import Actor, Headers, IfMatch, StreamName, Version
from penstock.runtime.http.openapi import NO_PATH, inline_schema_of
from penstock.runtime.http.problems import Problem

_DECLARATION = with_body(
    {
        "application/toml": {"type": "string", "description": "the text of a `stream.toml`"},
        "application/json": inline_schema_of(Declaration),
    },
    {
        **NO_PATH,
        400: ["bad_toml", "bad_encoding", "bad_json"],
        409: ["incompatible_declaration", "deleted_stream"],
        413: ["too_large"],
        415: ["unsupported_media_type"],
        422: ["bad_declaration", "name_mismatch"],
    },
    created=CommandResult,
)
_PROMOTE = command(
    request_bodies.PromoteBody, NO_VERSION, STALE, UNSERVABLE, {422: ["digest_mismatch"], 428: ["epoch_missing"]}
)
_ROLLBACK = command(
    request_bodies.RollbackBody,
    NO_VERSION,
    STALE,
    UNSERVABLE,
    {404: ["unknown_epoch"], 409: ["first_version", "never_served", "no_rollout"]},
    required=False,
)
_RELEASE = command(request_bodies.ReleaseBody, NO_STREAM, required=False)
_PUSH = command(request_bodies.PushBody, NO_STREAM, {404: ["unknown_artifact"], 409: ["external_model", "paused"]})
_PAUSE = command(request_bodies.PauseBody, NO_STREAM)
_RESUME = command(request_bodies.ResumeBody, NO_STREAM, required=False)
_DELETE = command(request_bodies.DeleteBody, NO_STREAM)
_START_ROLLOUT = command(
    request_bodies.RolloutBody,
    NO_VERSION,
    UNSERVABLE,
    {409: ["rollout_under_way", "serves_already"], 422: ["one_challenger"]},
)
_CONTROL_ROLLOUT = command(
    request_bodies.RolloutActionBody,
    NO_STREAM,
    {409: ["no_rollout", "paused"], 422: ["several_challengers"]},
    required=False,
)


def add_command_routes(app: FastAPI, registry: Registry) -> None:
    """Add the routes of all commands."""
    _declaration_routes(app, registry)
    _model_routes(app, registry)
    _training_routes(app, registry)
    _rollout_routes(app, registry)


def _declaration_routes(app: FastAPI, registry: Registry) -> None:
    @app.put("/v1/streams/{stream}", **_DECLARATION)
    async def apply_declaration(
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
    @app.post("/v1/streams/{stream}/promote", **_PROMOTE)
    async def promote_version(
        stream: StreamName, request: Request, headers: Headers, if_match: IfMatch = None
    ) -> CommandResult:
        """Let a version serve."""
        body, context = await request_bodies.read_command(request, request_bodies.PromoteBody, headers)
        epoch = request_bodies.expected_epoch(if_match, body.expected_epoch)
        if epoch is None:
            raise Problem(428, "epoch_missing", "say which epoch you have seen, as expected_epoch or If-Match")
        return await registry.promote(stream, Promotion(body.version, epoch, body.digest, body.detail), context)

    @app.post("/v1/streams/{stream}/rollback", **_ROLLBACK)
    async def roll_back(
        stream: StreamName, request: Request, headers: Headers, if_match: IfMatch = None
    ) -> CommandResult:
        """Return to an earlier model, which serves until the hold is lifted or another one is promoted by command."""
        body, context = await request_bodies.read_command(request, request_bodies.RollbackBody, headers)
        epoch = request_bodies.expected_epoch(if_match, body.expected_epoch)
        return await registry.roll_back(stream, Rollback(body.to_version, body.to_epoch, epoch, body.detail), context)

    @app.post("/v1/streams/{stream}/release", **_RELEASE)
    async def release_stream(stream: StreamName, request: Request, headers: Headers) -> CommandResult:
        """Lift the hold of a rollback: models are promoted and returned by themselves again."""
        body, context = await request_bodies.read_command(request, request_bodies.ReleaseBody, headers)
        return await registry.release(stream, body.detail, context)

    @app.post("/v1/streams/{stream}/pause", **_PAUSE)
    async def pause_stream(stream: StreamName, request: Request, headers: Headers) -> CommandResult:
        """Pause a stream: it answers, and is neither trained nor changed by itself until it is resumed."""
        body, context = await request_bodies.read_command(request, request_bodies.PauseBody, headers)
        return await registry.pause(stream, body.reason, intake=body.intake, context=context)

    @app.post("/v1/streams/{stream}/resume", **_RESUME)
    async def resume_stream(stream: StreamName, request: Request, headers: Headers) -> CommandResult:
        """Let a paused stream go on."""
        body, context = await request_bodies.read_command(request, request_bodies.ResumeBody, headers)
        return await registry.resume(stream, body.reason, context)

    @app.post("/v1/streams/{stream}/delete", **_DELETE)
    async def delete_stream(stream: StreamName, request: Request, headers: Headers) -> CommandResult:
        """Delete a stream for good, with its topics; its history, archive and artifacts stay, and so does its name."""
        body, context = await request_bodies.read_command(request, request_bodies.DeleteBody, headers)
        return await registry.delete(stream, body.reason, context)

    @app.delete("/v1/models/{stream}/{version}", **view(NO_VERSION, {409: ["version_in_service"]}))
    async def archive_version(stream: StreamName, version: Version, actor: Actor = OPERATOR) -> CommandResult:
        """Archive a version: it can no longer be promoted; its bytes and its history stay."""
        return await registry.archive(stream, version, CommandContext(actor))


def _training_routes(app: FastAPI, registry: Registry) -> None:
    @app.post(
        "/v1/streams/{stream}/retrain",
        status_code=202,
        **command(request_bodies.RetrainBody, NO_STREAM, {409: ["paused"]}, required=False),
    )
    async def request_training(stream: StreamName, request: Request, headers: Headers) -> CommandResult:
        """Ask for a training."""
        body, context = await request_bodies.read_command(request, request_bodies.RetrainBody, headers)
        return await registry.request_training(stream, body.detail, context)

    @app.post("/v1/streams/{stream}/push", status_code=202, **_PUSH)
    async def push_model(stream: StreamName, request: Request, headers: Headers) -> CommandResult:
        """Have a model judged that was made elsewhere, whose package is in the store; it is served if it passes."""
        body, context = await request_bodies.read_command(
            request, request_bodies.PushBody, headers, request_bodies.LARGEST_PUSH
        )
        return await registry.push_model(stream, body.push, context)

    @app.post("/v1/streams/{stream}/imported", status_code=202, **command(request_bodies.ImportedBody, NO_STREAM))
    async def announce_import(stream: StreamName, request: Request, headers: Headers) -> CommandResult:
        """Announce that history was imported, so that models are trained on it."""
        body, context = await request_bodies.read_command(request, request_bodies.ImportedBody, headers)
        return await registry.announce_import(stream, body.outcomes, body.detail, context)


def _rollout_routes(app: FastAPI, registry: Registry) -> None:
    @app.post("/v1/streams/{stream}/rollout", **_START_ROLLOUT)
    async def start_rollout(stream: StreamName, request: Request, headers: Headers) -> CommandResult:
        """Let versions answer beside the champion, by degrees."""
        body, context = await request_bodies.read_command(request, request_bodies.RolloutBody, headers)
        start = RolloutStart(body.challengers, body.mode, body.steps, body.detail)
        return await registry.start_rollout(stream, start, context)

    @app.post("/v1/streams/{stream}/rollout/{order}", **_CONTROL_ROLLOUT)
    async def control_rollout(
        stream: StreamName, order: RolloutAction, request: Request, headers: Headers
    ) -> CommandResult:
        """Pause, resume, abort or promote the rollout under way."""
        body, context = await request_bodies.read_command(request, request_bodies.RolloutActionBody, headers)
        return await registry.control_rollout(stream, order, body.detail, context)
