"""Routes of views: what the registry shows of streams, models, alerts and the audit log."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query, Response

from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Alert
from penstock.registry.audit_chain import ChainHead
from penstock.registry.use_cases.registry import Registry
from penstock.registry.web import rollout_view, views
from penstock.registry.web.documentation import ETAG, NO_STREAM, NO_VERSION, view
from penstock.registry.web.request_bodies import PageLimit, StreamName, Version
from penstock.runtime.http.problems import Problem


def add_view_routes(app: FastAPI, registry: Registry) -> None:
    """Add the routes of all views."""
    _stream_views(app, registry)
    _model_views(app, registry)
    _governance_views(app, registry)


def _stream_views(app: FastAPI, registry: Registry) -> None:
    read = registry.database.read

    @app.get("/v1/streams", **view())
    async def list_streams() -> dict[str, list[views.StreamView]]:
        """Every stream."""
        return {"streams": await read(views.all_streams)}

    @app.get("/v1/streams/{stream}", **view(NO_STREAM, headers=ETAG))
    async def get_stream(stream: StreamName, response: Response) -> views.StreamView:
        """A stream; its ETag is its epoch."""
        view = await read(lambda session: views.find_stream(session, stream))
        response.headers["ETag"] = f'"{view.epoch}"'
        return view

    @app.get("/v1/streams/{stream}/epochs", **view(NO_STREAM))
    async def list_epochs(stream: StreamName) -> dict[str, list[ModelEpoch]]:
        """A stream's epochs, in order."""
        return {"epochs": await read(lambda session: views.epochs_of(session, stream))}

    @app.get("/v1/streams/{stream}/rollout", **view(NO_STREAM, {404: ["no_rollout"]}))
    async def get_rollout(stream: StreamName) -> rollout_view.RolloutView:
        """The newest rollout."""
        view = await read(lambda session: rollout_view.newest_rollout(session, stream))
        if view is None:
            raise Problem(404, "no_rollout", f"no model of {stream} has been on trial yet")
        return view

    @app.get("/v1/streams/{stream}/runs", **view(NO_STREAM))
    async def list_training_runs(stream: StreamName) -> dict[str, list[views.RunView]]:
        """Training runs, and the decisions on their candidates."""
        return {"runs": await read(lambda session: views.runs_of(session, stream))}


def _model_views(app: FastAPI, registry: Registry) -> None:
    read = registry.database.read

    @app.get("/v1/streams/{stream}/models", **view(NO_STREAM))
    async def list_models(stream: StreamName) -> dict[str, list[views.VersionView]]:
        """A stream's registered models."""
        return {"models": await read(lambda session: views.models_of(session, stream))}

    @app.get("/v1/models/{stream}/{version}", **view(NO_VERSION))
    async def get_model(stream: StreamName, version: Version) -> views.VersionView:
        """A registered model."""
        return await read(lambda session: views.find_model(session, stream, version))


def _governance_views(app: FastAPI, registry: Registry) -> None:
    read = registry.database.read

    @app.get("/v1/alerts", **view())
    async def list_alerts(limit: PageLimit = 100) -> dict[str, list[Alert]]:
        """The newest alerts, newest first."""
        return {"alerts": await read(lambda session: views.newest_alerts(session, limit))}

    @app.get("/v1/audit", **view())
    async def list_audit_entries(
        after: Annotated[int, Query(ge=0, lt=2**31)] = 0, limit: PageLimit = 100
    ) -> views.AuditPage:
        """The audit log, a page at a time."""
        return await read(lambda session: views.audit_page(session, after, limit))

    @app.get("/v1/audit/verify", **view())
    async def verify_audit_log(
        number: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
        digest: Annotated[str | None, Query(alias="hash", pattern=r"^[0-9a-f]{64}$")] = None,
    ) -> views.Verification:
        """Whether the audit chain holds, and still contains a head that was published on `audit`."""
        if (number is None) != (digest is None):
            raise Problem(422, "invalid", "a published head is a number and a hash", "number")
        head = None if number is None or digest is None else ChainHead(number, digest)
        return await read(lambda session: views.verification(session, head))
