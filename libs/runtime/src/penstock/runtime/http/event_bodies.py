"""Events as clients send them, for the documents of the services that take them; `event_parser` reads them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from penstock.contracts.declaration.stream import NAME_PATTERN
from penstock.contracts.records.events import Identifier, Timestamp

ID_PATTERN = r"^[^/\\\s\x00-\x1f\x7f\x85\ufeff]+$"  # the last two are blanks in some languages' patterns, not in all

RecordId = Annotated[str, Meta(min_length=1, max_length=512, pattern=ID_PATTERN, examples=["e-1"])]
StreamName = Annotated[str, Meta(pattern=NAME_PATTERN)]


class EventData(Struct):
    """The fields that the stream declares, by name."""


class CloudEvent(Struct):
    """An event as a CloudEvent 1.0; `time` is when it happened, at most an hour ahead."""

    specversion: Literal["1.0"]
    type: Literal["penstock.event.v1"]
    source: Identifier
    id: RecordId
    time: Timestamp
    data: EventData
