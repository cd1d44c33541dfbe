"""Defective records: what `rejected` and `dead-letters` hold, in one form."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.codecs.binary_mode import is_binary_mode, to_structured_mode
from penstock.contracts.ids import blake2b_digest
from penstock.contracts.records.dead_letters import DeadLetter
from penstock.contracts.records.rejections import Rejection
from penstock.contracts.records.repairs import DefectTopic
from penstock.contracts.topics import RECEIVED, REJECTED, STREAM_DEAD_LETTERS, Topic

TOPICS: dict[DefectTopic, Topic[Any]] = {"rejected": REJECTED, "dead-letters": STREAM_DEAD_LETTERS}
UNREADABLE = "unreadable"  # the code of dead letters, which have none of their own

Kind = Literal["event", "label", "unknown"]


class Place(NamedTuple):
    """Where a record lies on its topic."""

    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Place:
        """The place that `PARTITION:OFFSET` names."""
        partition, _, offset = text.partition(":")
        return cls(int(partition), int(offset))

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class Defect(Struct, frozen=True):
    """One record: where it lies, since when (`time`, ms), what is wrong with it, and its bytes (None: it was null).

    `topic` is the last part of the name of the topic that it was read from.
    """

    place: Place
    time: int
    code: str
    field: str | None
    detail: str
    kind: Kind
    id: str
    topic: str
    original: bytes | None

    @property
    def digest(self) -> str:
        """The digest of its bytes, in hex."""
        return blake2b_digest(self.original or b"").hex()


def defects_of(topic: DefectTopic, partition: int, raw: Sequence[RawRecord]) -> Iterator[Defect]:
    """The defects that these records of the topic tell of; what is no such record tells of none."""
    decode = TOPICS[topic].decoder(None)
    for record, decoded in zip(raw, decode(raw), strict=True):
        if not isinstance(decoded, Unreadable):
            yield _defect(Place(partition, record.offset), record.timestamp, decoded)


def _defect(place: Place, time: int, record: Rejection | DeadLetter) -> Defect:
    if isinstance(record, Rejection):
        data = record.data
        original = base64.b64decode(data.original)
        return Defect(
            place, time, data.code, data.field, data.detail, data.kind, data.id, RECEIVED.short_name, original
        )
    letter = record.data
    read_from = letter.topic.rpartition(".")[2]
    detail = f"{letter.consumer}: {letter.reason}"
    return Defect(place, time, UNREADABLE, None, detail, "unknown", "", read_from, _bytes_of(record))


class _Letter(Struct):
    """A dead letter's record as it was on its topic."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def _bytes_of(letter: DeadLetter) -> bytes | None:
    """The value, or what headers and value are together, if they are a CloudEvent in binary mode."""
    value = _decoded(letter.data.value)
    headers = [(name, _decoded(text) or b"") for name, text in letter.data.headers]
    record = _Letter(letter.data.offset, 0, None, value, headers)
    if value is None or not is_binary_mode(record):
        return value
    try:
        return to_structured_mode(record)
    except (ValueError, RecursionError):
        return value


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
