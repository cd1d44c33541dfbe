"""What the bus passes to a handler, and what it returns: a batch of decoded records, and records to write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from penstock.contracts.declaration.stream import Declaration
    from penstock.contracts.records.streams import StreamDeclared
    from penstock.contracts.topics import Topic

R = TypeVar("R")
Headers = Sequence[tuple[str, bytes]]


class RawRecord(Protocol):
    """A record as it is on the log; `timestamp` is its log-append time in ms since 1970."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a record that cannot be decoded, and why; the bus writes it to the dead letters."""

    reason: str


@dataclass(frozen=True, slots=True)
class Batch(Generic[R]):
    """Consecutive records of one topic partition: `records[i]` is `raw[i]` decoded.

    `stream` is the declaration that the records were decoded by, None on the control plane.
    """

    topic: Topic[R]
    stream: StreamDeclared | None
    partition: int
    records: list[R]
    raw: Sequence[RawRecord]

    @property
    def required_stream(self) -> StreamDeclared:
        """The stream's newest declaration record.

        Raises:
            LookupError: the batch is of the control plane.
        """
        if self.stream is None:
            raise LookupError(f"{self.topic.short_name} belongs to no stream")
        return self.stream

    @property
    def declaration(self) -> Declaration:
        """The stream's declaration; raises as `required_stream`."""
        return self.required_stream.declaration


@dataclass(slots=True)
class Outputs(Generic[R]):
    """Records to write to one topic of `stream` (None: control plane).

    Each record is typed, or bytes that are written as they are. `causes[i]` is the index in the handled batch of the
    record that led to `records[i]`, whose trace it continues. Without a `partition` the key decides. `headers` has the
    headers of the records that have some, by index. `noticed` names, by index, the rule by which a record is traced,
    even if what led to it is not.
    """

    topic: Topic[R]
    stream: str | None
    records: Sequence[R | bytes]
    keys: Sequence[bytes | None]
    partition: int | None = None
    causes: Sequence[int] = field(default_factory=tuple)
    headers: Mapping[int, Headers] = field(default_factory=dict)
    noticed: Mapping[int, str] = field(default_factory=dict)


def output(topic: Topic[R], record: R, *, stream: str | None = None, key: str | None = None) -> Outputs[R]:
    """A single record to write, caused by the first record of the handled batch."""
    return Outputs(topic, stream, [record], [key.encode() if key is not None else None], causes=(0,))


AnyOutputs = Outputs[Any]
