"""The route of repairs: rejected records and dead letters that are edited, released or dropped."""

from __future__ import annotations

from fastapi import FastAPI, Request

from penstock.contracts.records.repairs import Repair
from penstock.registry.command_results import CommandResult
from penstock.registry.use_cases.registry import Registry
from penstock.registry.web import request_bodies
from penstock.registry.web.documentation import NO_STREAM, command
from penstock.registry.web.request_bodies import Headers, StreamName

LARGEST_REPAIR = 600_000  # bytes: 100 records with the longest ids, or the longest text in escapes


def add_repair_route(app: FastAPI, registry: Registry) -> None:
    """Add the route."""

    @app.post("/v1/streams/{stream}/repairs", status_code=202, **command(Repair, NO_STREAM))
    async def record_repair(stream: StreamName, request: Request, headers: Headers) -> CommandResult:
        """Keep a step of a repair in the audit log. The records themselves are sent to ingestion."""
        body, context = await request_bodies.read_command(request, Repair, headers, LARGEST_REPAIR)
        return await registry.record_repair(stream, body, context)
