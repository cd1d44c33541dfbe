"""The header by which an answer says whose it is: an awaited event has it, and so has its prediction.

On `received` the header only says that a client waits. The validator sets its value on `events`, the digest of the
operation, and the server repeats it on `predictions`: what a client sends as a value counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock.contracts.batch import Headers, RawRecord

OPERATION = "penstock-operation"

AWAITED: Headers = ((OPERATION, b""),)
"""The headers of an event on `received` whose answer a client waits for."""


def operation_digest(record: RawRecord) -> bytes | None:
    """The value of a record's header, None without the header. Of several the first counts."""
    for name, value in record.headers:
        if name == OPERATION:
            return value or b""  # Kafka allows a header without a value
    return None


def operation_digests(records: Sequence[RawRecord], indices: Sequence[int]) -> dict[int, bytes]:
    """The digests of those of the records at `indices` that have the header, by their place among those."""
    return {
        place: digest
        for place, index in enumerate(indices)
        if records[index].headers  # nearly all records have none, and cost no more than this
        and (digest := operation_digest(records[index])) is not None
    }


def operation_headers(digests: Mapping[int, bytes]) -> dict[int, Headers]:
    """The headers that name operations, by the index of the record."""
    return {index: ((OPERATION, digest),) for index, digest in digests.items()}
