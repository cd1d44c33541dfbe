"""For programs: what the pages show that no service answers by itself, as the commands' `--json` has it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from penstock.console.views.ledger_report import read_ledger
from penstock.console.views.ledger_table import ledger_document
from penstock.console.views.why_lines import why_document
from penstock.console.web.pages.predictions import find_answers
from penstock.console.web.sources import Sources

PREFIX = "/v1/"


def add_document_routes(app: FastAPI, sources: Sources) -> None:
    """Add the routes; what fails on them is told as a problem (RFC 9457)."""

    @app.get(PREFIX + "streams/{stream}/ledger")
    async def ledger(stream: str) -> dict[str, Any]:
        """Each training of a stream: why, its cost, its expected and realised gain, and whether it was promoted."""
        sources.stream(stream)
        return ledger_document(await read_ledger(sources.log, sources.namespace, stream))

    @app.get(PREFIX + "why/{event:path}")
    async def why(event: str, stream: str = "") -> dict[str, list[dict[str, Any]]]:
        """Why an event was answered so, in the stream named or in all that have answered one of this id."""
        return {"answers": [why_document(found) for found in await find_answers(sources, event, stream or None)]}
