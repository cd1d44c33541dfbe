"""Events whose answer a client waits for are forwarded under the digest of their operation, whatever they claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.contracts.batch import Batch, Headers
from penstock.contracts.codecs.received_decoder import Received
from penstock.contracts.operation_header import operation_digests, operation_headers
from penstock.contracts.operations import operations_of
from penstock.contracts.records.events import Event, Label


def awaited_headers(
    batch: Batch[Received], indices: Sequence[int], records: Mapping[int, Event[Any] | Label]
) -> Mapping[int, Headers]:
    """The headers of those of the records at `indices` that are awaited, by their place among those."""
    awaited = list(operation_digests(batch.raw, indices))
    if not awaited:
        return {}
    operations = operations_of(batch.declaration, [records[indices[place]] for place in awaited])
    return operation_headers({place: op.digest for place, op in zip(awaited, operations, strict=True)})
