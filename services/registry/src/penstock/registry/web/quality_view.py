"""What the registry shows of quality: how good the newest answers of a stream are, on two clocks."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import AwareDatetime, BeforeValidator

from penstock.contracts.records.streams import StreamDeclared
from penstock.registry.quality.answers import read_answers
from penstock.registry.quality.groups import BadGrouping, check_grouping
from penstock.registry.quality.report import QualityReport, quality_report
from penstock.registry.web.documentation import NO_STREAM, view
from penstock.registry.web.request_bodies import StreamName
from penstock.runtime.http.problems import Problem
from penstock.runtime.service import Resources


def _parse_time(text: object) -> object:
    """A time as a text; else a number would be seconds since 1970."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else text
    except ValueError:
        raise ValueError("write a time as 2026-05-01T12:00:00Z") from None


By = Annotated[str, Query(max_length=500, description="`version`, a field, or two of these with a comma between")]
Since = Annotated[
    AwareDatetime | None,
    BeforeValidator(_parse_time),
    Query(description="the event time from which on answers count"),
]


def add_quality_route(app: FastAPI, resources: Resources) -> None:
    """Add the route of the view. It reads the log, so it makes one report at a time."""
    turn = asyncio.Lock()

    @app.get("/v1/streams/{stream}/quality", **view(NO_STREAM))
    async def get_quality(stream: StreamName, by: By = "", since: Since = None) -> QualityReport:
        """How good a stream's newest answers are: matured and provisional, by window of event time and by group."""
        declared = resources.streams.get(stream)
        if declared is None:
            raise Problem(404, "unknown_stream", "no stream of this name was applied", "stream")
        fields = _fields(declared, by)
        async with turn:
            found = await read_answers(resources.log, resources.namespace, declared)
            return await asyncio.to_thread(quality_report, declared.declaration, found, fields, since)


def _fields(declared: StreamDeclared, by: str) -> list[str]:
    fields = by.split(",") if by else []
    try:
        check_grouping(declared.declaration, fields)
    except BadGrouping as error:
        raise Problem(422, "invalid", str(error), "by") from error
    return fields
