"""Messages in Confluent's wire format: their schemas are asked for once, and waited for while the registry is away."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from penstock.bus.ports import FetchedBatch
from penstock.ingestion.sources.message_decoder import DecodedBatch, MessageDecoder
from penstock.ingestion.sources.schema_registry import MOST_SCHEMAS, RegistryAway, SchemaRegistry
from tests.staging.schema_registry_fake import RegistryFake

from .source_site import TABLE, change, declared, row
from .test_source_mapping import Message

REGISTRY = 'schema_registry = "http://registry"\n'
PLAIN = f'[source.app]\nkafka = "app"\n{REGISTRY}'
DEBEZIUM = TABLE + REGISTRY
SCHEMA = json.dumps({"type": "object", "properties": {"amount": {"type": "number"}}})


class Site:
    """A registry, and what asks it."""

    def __init__(self) -> None:
        self.fake = RegistryFake()
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.fake.app))
        self.registry = SchemaRegistry("http://registry", self.client)

    async def register(self, **body: Any) -> int:
        body = {"schema": SCHEMA, "schemaType": "JSON"} | body
        response = await self.client.post("http://registry/subjects/app-value/versions", json=body)
        return int(response.json()["id"])

    async def decode(self, *values: bytes | None, source: str = PLAIN) -> DecodedBatch:
        stream = declared(source)
        (name,) = stream.declaration.source
        messages = [Message(value, offset) for offset, value in enumerate(values)]
        batch = FetchedBatch("app", 0, messages, len(values))
        return await MessageDecoder(stream, name, self.registry).decode(batch)


@pytest.fixture
def site() -> Site:
    return Site()


def framed(schema_id: int, document: bytes = b'{"amount": 1}') -> bytes:
    return b"\x00" + schema_id.to_bytes(4, "big") + document


def codes(decoded: DecodedBatch) -> list[str]:
    return [rejection.data.code for _, rejection in decoded.rejections]


async def test_a_message_is_what_follows_the_header_and_its_schema_is_asked_for_once(site: Site) -> None:
    schema = await site.register()
    for _ in range(3):
        decoded = await site.decode(framed(schema), None, framed(schema))
        assert [json.loads(record.value)["data"] for record in decoded.records] == [{"amount": 1}] * 2
    assert site.fake.asked == {schema: 1}


async def test_debezium_with_the_json_schema_converter_is_read(site: Site) -> None:
    schema = await site.register()
    decoded = await site.decode(framed(schema, change("c", row(4))), source=DEBEZIUM)
    assert [record.event_id for record in decoded.records] == ["4"]


async def test_what_has_no_header_no_known_schema_or_one_of_avro_is_rejected_alone(site: Site) -> None:
    json_schema, avro = await site.register(), await site.register(schemaType="AVRO")
    unnamed = (await site.client.post("http://registry/subjects/a/versions", json={"schema": '"string"'})).json()["id"]
    decoded = await site.decode(
        b'{"amount": 1}',
        b"\x00\x00",
        framed(77),
        framed(avro),
        framed(unnamed),
        framed(json_schema),
        framed(json_schema, b"x"),
    )
    assert codes(decoded) == [
        "malformed",
        "malformed",
        "unknown_schema",
        "unknown_schema",
        "unknown_schema",
        "malformed",
    ]
    assert len(decoded.records) == 1


async def test_a_registry_that_is_away_is_waited_for(site: Site) -> None:
    schema = await site.register()
    site.fake.away = True
    with pytest.raises(RegistryAway, match="503"):
        await site.decode(framed(schema))
    site.fake.away = False
    assert len((await site.decode(framed(schema))).records) == 1


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"{}", b'{"error_code": 404}'])
@pytest.mark.parametrize("status", [200, 404, 401])
async def test_whatever_else_answers_at_its_address_is_no_registry(status: int, answer: bytes) -> None:
    def respond(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=answer)

    client = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    with pytest.raises(RegistryAway):
        await SchemaRegistry("http://registry", client).schema_type(1)


async def test_a_connection_that_fails_is_a_registry_that_is_away() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    registry = SchemaRegistry("http://registry", httpx.AsyncClient(transport=httpx.MockTransport(fail)))
    with pytest.raises(RegistryAway, match="http://registry does not answer"):
        await registry.schema_type(1)


async def test_an_id_that_was_unknown_is_asked_for_again(site: Site) -> None:
    assert codes(await site.decode(framed(1), framed(1))) == ["unknown_schema"] * 2
    await site.register()
    assert len((await site.decode(framed(1))).records) == 1
    assert site.fake.asked == {1: 2}


async def test_it_remembers_so_many_schemas_and_no_more(site: Site) -> None:
    for _ in range(MOST_SCHEMAS + 1):
        await site.registry.schema_type(await site.register())
    await site.registry.schema_type(MOST_SCHEMAS + 1)
    await site.registry.schema_type(1)
    assert site.fake.asked[MOST_SCHEMAS + 1] == 1
    assert site.fake.asked[1] == 2
