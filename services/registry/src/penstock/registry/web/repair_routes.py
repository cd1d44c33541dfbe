"""The routes of what people mend: rejected records and dead letters, and partitions that services try again."""

from __future__ import annotations

from fastapi import FastAPI, Request

from penstock.contracts.records.repairs import Repair
from penstock.registry.command_results import CommandResult
from penstock.registry.use_cases.registry import Registry
from penstock.registry.web import request_bodies
from penstock.registry.web.documentation import NO_STREAM, command
from penstock.registry.web.request_bodies import Headers, StreamName

LARGEST_REPAIR = 600_000  # bytes: 100 records with the longest ids, or the longest text in escapes


def add_repair_routes(app: FastAPI, registry: Registry) -> None:
    """Add the routes."""

    @app.post("/v1/streams/{stream}/repairs", status_code=202, **command(Repair, NO_STREAM))
    async def record_repair(stream: StreamName, request: Request, headers: Headers) -> CommandResult:
        """Keep a step of a repair in the audit log. The records themselves are sent to ingestion."""
        body, context = await request_bodies.read_command(request, Repair, headers, LARGEST_REPAIR)
        return await registry.record_repair(stream, body, context)

    @app.post(
        "/v1/streams/{stream}/resumed-units",
        status_code=202,
        **command(request_bodies.ResumedUnitsBody, NO_STREAM),
    )
    async def record_resumed_units(stream: StreamName, request: Request, headers: Headers) -> CommandResult:
        """Keep in the audit log that a person had services try partitions again; the services were asked by them."""
        body, context = await request_bodies.read_command(request, request_bodies.ResumedUnitsBody, headers)
        return await registry.record_resumed_units(stream, body.resumed, body.reason, context)
