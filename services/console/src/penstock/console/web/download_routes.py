"""For programs: files of outcomes, of answers in SQL, and of models."""

from __future__ import annotations

import asyncio
from typing import IO, Annotated

from fastapi import FastAPI, Query
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from penstock.console.commands.time_option import time_of
from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.console.web.document_routes import PREFIX
from penstock.console.web.downloads.file_response import PARQUET, ZIP, respond_with_file
from penstock.console.web.downloads.model_archive import write_archive
from penstock.console.web.downloads.outcome_file import MOST_ROWS, OutcomeRange, write_outcomes
from penstock.console.web.downloads.query_file import write_answer
from penstock.console.web.sources import Sources

LONGEST_QUERY = 100_000  # characters


class Question(BaseModel):
    """A SELECT statement in DuckDB's SQL, and the streams that it is about, all unless named."""

    query: Annotated[str, Field(max_length=LONGEST_QUERY)]
    streams: list[str] = []


def add_download_routes(app: FastAPI, sources: Sources) -> None:
    """Add the routes. Of each kind one file is written at a time: many requests need no more memory than one."""
    reading, asking, exporting = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()

    @app.get(PREFIX + "streams/{stream}/outcomes", response_class=StreamingResponse)
    async def outcomes(
        stream: str,
        start: Annotated[str | None, Query(alias="from")] = None,
        stop: Annotated[str | None, Query(alias="to")] = None,
        last: Annotated[int | None, Query(ge=1, le=MOST_ROWS)] = None,
    ) -> StreamingResponse:
        """The labelled outcomes that the log took from a time to before another, or the newest, as Parquet."""
        declared, _ = sources.stream(stream)
        wanted = _range(start, stop, last)
        async with reading:
            return await respond_with_file(
                lambda file: write_outcomes(sources.log, sources.namespace, declared, wanted, file),
                PARQUET,
                f"{stream}-outcomes.parquet",
            )

    @app.post(PREFIX + "sql", response_class=StreamingResponse)
    async def sql(question: Question) -> StreamingResponse:
        """What `penstock sql` answers, as Parquet."""

        def write(file: IO[bytes]) -> None:
            write_answer(sources.artifacts, sources.namespace, question.streams, question.query, file)

        async with asking:
            return await respond_with_file(lambda file: asyncio.to_thread(write, file), PARQUET, "answer.parquet")

    @app.get(PREFIX + "streams/{stream}/models/{version}/sklearn", response_class=StreamingResponse)
    async def sklearn(
        stream: str, version: int, member: Annotated[int | None, Query(ge=1)] = None
    ) -> StreamingResponse:
        """The folder that `penstock model export --sklearn` writes, as a zip."""
        sources.stream(stream)
        models = sources.models
        if models is None:
            raise ConsoleFailure("PENSTOCK_TRUSTED_KEYS is not set: the console opens no model unless it says by whom.")
        view = await sources.registry.get(f"models/{stream}/{version}")

        def write(file: IO[bytes]) -> None:
            write_archive(models, stream, view, member, file)

        async with exporting:
            return await respond_with_file(lambda file: asyncio.to_thread(write, file), ZIP, f"{stream}-{version}.zip")


def _range(start: str | None, stop: str | None, last: int | None) -> OutcomeRange:
    if last is not None and start is not None:
        raise wrong_input("Give from, or last, perhaps with to: not both.")
    wanted = OutcomeRange(
        None if start is None else time_of("from", start), None if stop is None else time_of("to", stop), last
    )
    if wanted.start is not None and wanted.stop is not None and wanted.start >= wanted.stop:
        raise wrong_input(f"from {start}: it is not before the end of the span, {stop}")
    return wanted
