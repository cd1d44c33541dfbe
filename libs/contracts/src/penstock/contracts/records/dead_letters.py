"""Dead letters: records that cannot be read, with their bytes and the reason."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from penstock.contracts.records.events import Identifier, Timestamp

DEAD_LETTER_TYPE = "penstock.dead-letter.v1"


class DeadLetterData(Struct, kw_only=True):
    """The topic, partition and offset of the record, why it cannot be read, and its bytes.

    `consumer` is the service that could not read it. `key`, `value` and the values of `headers` are base64.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    consumer: str
    key: str | None
    value: str | None
    headers: list[tuple[str, str]]


class DeadLetter(Struct, tag_field="type", tag=DEAD_LETTER_TYPE, kw_only=True):
    """A record that cannot be read, kept with its bytes. `time` is its log-append time."""

    specversion: Literal["1.0"] = "1.0"
    source: Identifier
    id: Identifier
    time: Timestamp
    data: DeadLetterData
