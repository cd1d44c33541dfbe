"""Confluent's wire format, and the schema registry that says what its schemas are.

A message is a zero byte, the id of its schema in four bytes, and the JSON. That the JSON fits its schema was checked by
the producer's serializer; here it is only checked that the schema is one of JSON.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import httpx

from penstock.bus.errors import TransientError
from penstock.ingestion.sources.mapping_refusal import MappingRefusal

MAGIC = 0
HEADER_BYTES = 5
UNKNOWN = 40403  # the registry's own code: a 404 without it may come from whatever else answers at its address
MOST_SCHEMAS = 1000  # that are remembered


class RegistryAway(TransientError):
    """The schema registry does not answer, or not as one: messages wait until it does."""


def schema_id_of(message: bytes) -> int:
    """The id of the schema that a message names.

    Raises:
        MappingRefusal: it is not in the wire format.
    """
    if len(message) < HEADER_BYTES or message[0] != MAGIC:
        raise MappingRefusal(
            "malformed", "expected Confluent's wire format: a zero byte and the id of a schema come first"
        )
    return int.from_bytes(message[1:HEADER_BYTES], "big")


def document_of(message: bytes) -> bytes:
    """The JSON of a message in the wire format."""
    return message[HEADER_BYTES:]


class SchemaRegistry:
    """Asks a schema registry, for each schema once."""

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self._url = url
        self._client = client
        self._types: dict[int, str] = {}

    async def schema_type(self, schema_id: int) -> str | None:
        """The type of a schema, `JSON`, `AVRO` or `PROTOBUF`; None: the registry has no such schema.

        Raises:
            RegistryAway: it does not answer, or what answers is no registry.
        """
        if schema_id not in self._types:
            found = await self._ask(schema_id)
            if found is None:
                return None  # not remembered: it may be registered yet
            while len(self._types) >= MOST_SCHEMAS:
                self._types.pop(next(iter(self._types)))
            self._types[schema_id] = found
        return self._types[schema_id]

    async def _ask(self, schema_id: int) -> str | None:
        try:
            response = await self._client.get(f"{self._url}/schemas/ids/{schema_id}")
        except httpx.HTTPError as error:
            raise RegistryAway(f"the schema registry at {self._url} does not answer: {type(error).__name__}") from error
        body = _json_object(response)
        if response.status_code == HTTPStatus.NOT_FOUND and body.get("error_code") == UNKNOWN:
            return None
        if response.status_code != HTTPStatus.OK or not isinstance(body.get("schema"), str):
            detail = f"{response.status_code} for schema {schema_id}"
            raise RegistryAway(f"the schema registry at {self._url} does not answer as one: {detail}")
        return str(body.get("schemaType", "AVRO"))  # which registries leave out


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
