"""From the messages of a source to records and rejections."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from dataclasses import replace as with_changes

from penstock.bus.ports import FetchedBatch
from penstock.contracts.records.rejections import Rejection, rejection_of
from penstock.contracts.records.streams import StreamDeclared
from penstock.ingestion.sources.mapping_refusal import MappingRefusal
from penstock.ingestion.sources.record_mapping import MappedRecord, Place, RecordMapping
from penstock.ingestion.sources.row_change import RowChange, read_debezium, read_json
from penstock.ingestion.sources.schema_registry import SchemaRegistry, document_of, schema_id_of

AT_A_TIME = 100  # messages, after which other work has its turn

SchemaTypes = dict[int, str | None]
"""The type of schemas by their ids; None: the registry has none of this id."""

READ = {"json": read_json, "debezium": read_debezium}


@dataclass(slots=True)
class DecodedBatch:
    """What a batch of messages stands for: records, and the rejections of messages that stand for none."""

    records: list[MappedRecord] = field(default_factory=list)
    rejections: list[tuple[bytes, Rejection]] = field(default_factory=list)
    """Each under the key of the message."""


class MessageDecoder:
    """Decodes the messages of one source, by one version of its stream's declaration.

    With a `registry` they are in Confluent's wire format.
    """

    def __init__(self, stream: StreamDeclared, name: str, registry: SchemaRegistry | None = None) -> None:
        self._name = name
        self._read = READ[stream.declaration.source[name].format]
        self._mapping = RecordMapping(stream, name)
        self._registry = registry

    async def decode(self, batch: FetchedBatch) -> DecodedBatch:
        """The records of a batch, in its order; messages without a value, which Kafka's compaction needs, are none.

        Raises:
            RegistryAway: a schema could not be asked for.
        """
        types = await self._schema_types([raw.value for raw in batch.records if raw.value is not None])
        decoded = DecodedBatch()
        for number, raw in enumerate(batch.records):
            if number % AT_A_TIME == AT_A_TIME - 1:
                await asyncio.sleep(0)
            if raw.value is not None:
                place = Place(batch.topic, batch.partition, raw.offset, raw.timestamp)
                self._decode(raw.value, raw.key or b"", place, types, decoded)
        return decoded

    async def _schema_types(self, messages: Sequence[bytes]) -> SchemaTypes:
        """The type of each schema that messages name."""
        types: SchemaTypes = {}
        if self._registry is not None:
            for message in messages:
                with suppress(MappingRefusal):
                    schema_id = schema_id_of(message)
                    if schema_id not in types:
                        types[schema_id] = await self._registry.schema_type(schema_id)
        return types

    def _decode(self, message: bytes, key: bytes, place: Place, types: SchemaTypes, decoded: DecodedBatch) -> None:
        change = None
        try:
            change = self._read(message if self._registry is None else _checked_document(message, types))
            decoded.records += self._mapping.records(change, place)
        except MappingRefusal as error:
            decoded.rejections.append((key, self._rejection(error, change, message, place)))

    def _rejection(self, error: MappingRefusal, change: RowChange | None, original: bytes, place: Place) -> Rejection:
        """The rejection of a message: with the bytes as they came, under the id of its event if that can be read."""
        try:
            event_id = str(place) if change is None else self._mapping.event_id(change, place)
        except MappingRefusal:
            event_id = str(place)
        refusal = with_changes(
            error.refusal, kind=self._mapping.kind, source=self._name, id=event_id[:512] or str(place)
        )
        return rejection_of(refusal, original, place.time, "penstock/ingestion")


def _checked_document(message: bytes, types: SchemaTypes) -> bytes:
    """The JSON of a message in the wire format, if its schema is one of JSON.

    Raises:
        MappingRefusal: it is not.
    """
    schema_id = schema_id_of(message)
    found = types[schema_id]
    if found is None:
        raise MappingRefusal("unknown_schema", f"the registry has no schema {schema_id}")
    if found != "JSON":
        raise MappingRefusal("unknown_schema", f"schema {schema_id} is {found[:20]}; only JSON Schema is read")
    return document_of(message)
