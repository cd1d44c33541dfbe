"""What the bus hands a handler and takes back: records of one partition, decoded, and records to write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from penstock.contracts.records.streams import StreamDeclared
    from penstock.contracts.topics import Topic

R = TypeVar("R")


class RawRecord(Protocol):
    """A record as the log holds it; `timestamp` is its log-append time in ms since 1970."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a record that no reader can decode; the bus writes it to the dead letters."""

    reason: str


@dataclass(frozen=True, slots=True)
class Batch(Generic[R]):
    """Consecutive records of one partition of one topic: `records[i]` was decoded from `raw[i]`.

    `stream` is the declaration the records were decoded by, None on the control plane.
    """

    topic: Topic[R]
    stream: StreamDeclared | None
    partition: int
    records: list[R]
    raw: Sequence[RawRecord]

    @property
    def declared(self) -> StreamDeclared:
        """The stream's declaration; only a data-plane batch has one."""
        if self.stream is None:
            raise LookupError(f"{self.topic.noun} belongs to no stream")
        return self.stream


@dataclass(slots=True)
class Outputs(Generic[R]):
    """Records to write to one topic of `stream` (None: control plane).

    Each record is typed, or bytes that are written as they are. `causes[i]` is the index, in the batch that was
    handled, of the record that led to `records[i]`: the trace follows it. `partition` None places by key.
    """

    topic: Topic[R]
    stream: str | None
    records: Sequence[R | bytes]
    keys: Sequence[bytes | None]
    partition: int | None = None
    causes: Sequence[int] = field(default_factory=tuple)


def output(topic: Topic[R], record: R, *, stream: str | None = None, key: str | None = None) -> Outputs[R]:
    """A single record to write, caused by the first record of the batch that was handled."""
    return Outputs(topic, stream, [record], [key.encode() if key is not None else None], causes=(0,))


AnyOutputs = Outputs[Any]
