"""A schema registry in memory, with the part of Confluent's HTTP interface that producers and sources use."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse


class RegistryFake:
    """Registers schemas and gives them out by id. While it is `away` it answers 503; `asked` counts by schema."""

    def __init__(self) -> None:
        self.away = False
        self.asked: Counter[int] = Counter()
        self._schemas: list[dict[str, Any]] = []
        self.app = FastAPI()
        self.app.post("/subjects/{subject}/versions")(self._register)
        self.app.get("/schemas/ids/{schema_id}")(self._schema)

    async def _register(self, subject: str, body: dict[str, Any]) -> dict[str, int]:
        self._schemas.append({"subject": subject, **body})
        return {"id": len(self._schemas)}

    async def _schema(self, schema_id: int) -> JSONResponse:
        self.asked[schema_id] += 1
        if self.away:
            return JSONResponse({"error_code": 50003, "message": "no leader"}, 503)
        if not 1 <= schema_id <= len(self._schemas):
            return JSONResponse({"error_code": 40403, "message": "Schema not found"}, 404)
        schema = self._schemas[schema_id - 1]
        return JSONResponse({key: schema[key] for key in ("schema", "schemaType", "references") if key in schema})
