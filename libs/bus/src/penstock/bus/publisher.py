"""From typed outputs to the log: encode, choose partitions, send, and wait until the log has confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

from penstock.bus.errors import BrokerUnavailable, RecordTooLarge
from penstock.bus.ports import Log, RecordBatch, Sink
from penstock.bus.record_lines import log_records
from penstock.bus.record_metrics import measure_outputs
from penstock.bus.topics import max_record_bytes
from penstock.contracts.batch import AnyOutputs, Headers
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.partitioner import partition_of
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import RECEIVED, Topic
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.names import TRACEPARENT

TraceparentOf = Callable[[int], bytes | None]
"""The `traceparent` for what the i-th record of a batch caused; None when it is not sampled."""


class TracedOutputs(NamedTuple):
    """Outputs to write, and the traceparents of what they were caused by."""

    outputs: Sequence[AnyOutputs]
    traceparent_of: TraceparentOf


def no_traceparent(_: int) -> None:
    """Nothing is traced."""


def always(traceparent: bytes | None) -> TraceparentOf:
    """All that is written belongs to one trace."""
    return lambda _: traceparent


class Publisher:
    """Writes outputs. After a failed write its sink is discarded, and the next write starts with a new one.

    With `in_order` it then refuses every write until it is closed: a later write must not overtake the failed one.
    `metrics` are brought up to what the outputs say, as they are encoded.
    """

    def __init__(
        self, log: Log, namespace: str, streams: Streams, metrics: Metrics | None = None, *, in_order: bool = False
    ) -> None:
        self._log = log
        self._namespace = namespace
        self._streams = streams
        self._metrics = metrics
        self._in_order = in_order
        self._failed = False
        self._sink: Sink | None = None
        self._send_lock = asyncio.Lock()

    async def publish(self, outputs: Sequence[AnyOutputs], traceparent_of: TraceparentOf = no_traceparent) -> None:
        """Write the outputs and wait until the log has confirmed all of them.

        Raises:
            BrokerUnavailable: the log did not confirm; whether it took them is unknown.
            RecordTooLarge: an output exceeds what the log takes.
        """
        await (await self.send(self.encode([TracedOutputs(outputs, traceparent_of)])))

    def encode(self, parts: Sequence[TracedOutputs]) -> list[RecordBatch]:
        """The outputs as they are sent: encoded, and each in its partition.

        Raises:
            RecordTooLarge: an output exceeds what the log takes.
        """
        batches = [
            batch
            for part in parts
            for output in part.outputs
            for batch in self._record_batches(output, part.traceparent_of)
        ]
        if self._metrics is not None:
            for part in parts:
                measure_outputs(self._metrics, part.outputs)
        return batches

    async def send(self, batches: Sequence[RecordBatch]) -> Awaitable[None]:
        """Send all the batches in one hand-over, in the order of the calls; the result is done when all are confirmed.

        Whatever belongs together goes into one call: between two calls another's outputs may be sent.
        """
        if not batches:
            return _nothing()
        async with self._send_lock:  # whoever called first sends first
            if self._failed:
                raise BrokerUnavailable("an earlier write was not confirmed")
            if self._sink is None:
                self._sink = await self._log.sink()
            sink = self._sink
            try:
                confirmation = await sink.send(batches)
            except BrokerUnavailable:
                await self._discard(sink)
                raise
        return self._await_confirmation(confirmation, sink, batches)

    async def _await_confirmation(
        self, confirmation: Awaitable[None], sink: Sink, batches: Sequence[RecordBatch]
    ) -> None:
        try:
            await confirmation
        except Exception:
            await self._discard(sink)
            raise
        log_records(batches)

    async def _discard(self, sink: Sink) -> None:
        if self._sink is sink:
            self._sink, self._failed = None, self._in_order
        await sink.close()

    async def close(self) -> None:
        """Wait for what is being sent, and disconnect."""
        try:
            if self._sink is not None:
                await self._discard(self._sink)
        finally:
            self._failed = False

    def _record_batches(self, output: AnyOutputs, traceparent_of: TraceparentOf) -> Iterable[RecordBatch]:
        topic: Topic[object] = output.topic
        name, keys = topic.name(self._namespace, output.stream), output.keys
        values = [record if isinstance(record, bytes) else encode(record) for record in output.records]
        _check_size(name, max_record_bytes(topic), keys, values)
        headers = _headers(output, traceparent_of)
        partitions = topic.partitions(self._streams.known(output.stream) if output.stream else None)
        if output.partition is not None or partitions == 1:
            return [RecordBatch(name, output.partition or 0, keys, values, headers)] if values else []
        return _split_by_partition(RecordBatch(name, 0, keys, values, headers), partitions)


def _headers(output: AnyOutputs, traceparent_of: TraceparentOf) -> dict[int, Headers]:
    """The headers of the records that have some, by index: their own, and the traceparent."""
    headers = dict(output.headers)
    for index, cause in enumerate(output.causes):
        if traceparent := traceparent_of(cause):
            headers[index] = (*headers.get(index, ()), (TRACEPARENT, traceparent))
    return headers


def _check_size(topic: str, max_bytes: int, keys: Sequence[bytes | None], values: Sequence[bytes]) -> None:
    for key, value in zip(keys, values, strict=True):
        if len(value) > max_bytes - len(key or b""):
            raise RecordTooLarge(f"a record for {topic} is larger than {max_bytes} bytes")


def _split_by_partition(batch: RecordBatch, partition_count: int) -> list[RecordBatch]:
    """The same records, each in the partition of its key; without a key in the first."""
    partitions = [partition_of(key, partition_count) if key else 0 for key in batch.keys]
    return [
        _select(batch, number, [index for index, partition in enumerate(partitions) if partition == number])
        for number in sorted(set(partitions))
    ]


def _select(batch: RecordBatch, partition: int, indices: Sequence[int]) -> RecordBatch:
    keys, values = [batch.keys[index] for index in indices], [batch.values[index] for index in indices]
    headers: dict[int, Headers] = {}
    if batch.headers:
        headers = {at: batch.headers[index] for at, index in enumerate(indices) if index in batch.headers}
    return RecordBatch(batch.topic, partition, keys, values, headers)


async def _nothing() -> None:
    return


def topic_names(topics: Sequence[Topic[object]], namespace: str, streams: Streams) -> set[str]:
    """The names of topics: one for a topic of the control plane, one per declared stream for one of the data plane.

    What comes to a stream that takes no records now stays unread in `received` until it does again.
    """
    names = {topic.name(namespace) for topic in topics if topic.plane == "control"}
    declared = [stream for name in streams.names() if (stream := streams.get(name)) is not None]
    return names | {
        topic.name(namespace, stream.name)
        for topic in topics
        for stream in declared
        if topic.plane == "data" and (topic is not RECEIVED or stream.takes_records)
    }
