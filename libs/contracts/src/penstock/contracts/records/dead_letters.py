"""Dead letters: records that could not be read, with their bytes and the reason."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from penstock.contracts.records.events import Text, Zoned

DEAD_LETTER_TYPE = "penstock.dead-letter.v1"


class DeadLetterData(Struct, kw_only=True):
    """Where the record lay, what was wrong, and its key, value and headers as they were (base64)."""

    topic: str
    partition: int
    offset: int
    reason: str
    consumer: str
    key: str | None
    value: str | None
    headers: list[tuple[str, str]]


class DeadLetter(Struct, tag_field="type", tag=DEAD_LETTER_TYPE, kw_only=True):
    """One unreadable record; `time` is its log-append time."""

    specversion: Literal["1.0"] = "1.0"
    source: Text
    id: Text
    time: Zoned
    data: DeadLetterData
