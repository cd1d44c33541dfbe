"""From typed outputs to the log: encode, place, send, and wait until the log has confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from penstock.bus.errors import BrokerUnavailable, RecordTooLarge
from penstock.bus.ports import Headers, Log, RecordBatch, Sink
from penstock.bus.topics import largest_of
from penstock.contracts.batch import AnyOutputs
from penstock.contracts.decoding import encode
from penstock.contracts.placement import partition_of
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import Topic
from penstock.telemetry.names import TRACEPARENT

HeaderOf = Callable[[int], bytes | None]
"""The `traceparent` for what the i-th record of a batch caused; None: not sampled."""


def no_header(_: int) -> None:
    """Nothing is traced."""


class Publisher:
    """Writes outputs. After a failed write its sink is thrown away, and the next write starts with a new one.

    With `in_order` it then refuses every write until it is closed: what was asked for behind the failed one must not
    overtake it.
    """

    def __init__(self, log: Log, namespace: str, streams: Streams, *, in_order: bool = False) -> None:
        self._log = log
        self._namespace = namespace
        self._streams = streams
        self._in_order = in_order
        self._failed = False
        self._sink: Sink | None = None
        self._handing_over = asyncio.Lock()

    async def publish(self, outputs: Iterable[AnyOutputs], header_of: HeaderOf = no_header) -> None:
        """Write the outputs and wait until the log has confirmed all of them.

        Raises:
            BrokerUnavailable: the log did not confirm; whether it took them is unknown.
            RecordTooLarge: an output exceeds what the log takes.
        """
        await (await self.send(outputs, header_of))

    async def send(self, outputs: Iterable[AnyOutputs], header_of: HeaderOf = no_header) -> Awaitable[None]:
        """Hand the outputs over, in the order of the calls; the answer is done when the log has confirmed them all."""
        records = [record for output in outputs for record in self._written(output, header_of)]
        if not records:
            return _nothing()
        async with self._handing_over:  # whoever asked first goes first
            if self._failed:
                raise BrokerUnavailable("an earlier write was not confirmed")
            if self._sink is None:
                self._sink = await self._log.sink()
            sink = self._sink
            try:
                confirmation = await sink.send(records)
            except BrokerUnavailable:
                await self._throw_away(sink)
                raise
        return self._watched(confirmation, sink)

    async def _watched(self, confirmation: Awaitable[None], sink: Sink) -> None:
        try:
            await confirmation
        except Exception:
            await self._throw_away(sink)
            raise

    async def _throw_away(self, sink: Sink) -> None:
        if self._sink is sink:
            self._sink, self._failed = None, self._in_order
        await sink.close()

    async def close(self) -> None:
        """Wait for what is under way and leave."""
        try:
            if self._sink is not None:
                await self._throw_away(self._sink)
        finally:
            self._failed = False

    def _written(self, output: AnyOutputs, header_of: HeaderOf) -> Iterable[RecordBatch]:
        topic: Topic[object] = output.topic
        name, keys = topic.name(self._namespace, output.stream), output.keys
        values = [record if isinstance(record, bytes) else encode(record) for record in output.records]
        _check_size(name, largest_of(topic), keys, values)
        found = ((index, header_of(cause)) for index, cause in enumerate(output.causes))
        headers = {index: ((TRACEPARENT, header),) for index, header in found if header}
        partitions = topic.partitions(self._streams.get(output.stream) if output.stream else None)
        if output.partition is not None or partitions == 1:
            return [RecordBatch(name, output.partition or 0, keys, values, headers)] if values else []
        return _placed(RecordBatch(name, 0, keys, values, headers), partitions)


def _check_size(topic: str, largest: int, keys: Sequence[bytes | None], values: Sequence[bytes]) -> None:
    for key, value in zip(keys, values, strict=True):
        if len(value) > largest - len(key or b""):
            raise RecordTooLarge(f"a record for {topic} is larger than {largest} bytes")


def _placed(written: RecordBatch, partitions: int) -> list[RecordBatch]:
    """The same records, each in the partition of its key; without a key in the first."""
    places = [partition_of(key, partitions) if key else 0 for key in written.keys]
    return [
        _chosen(written, number, [index for index, place in enumerate(places) if place == number])
        for number in sorted(set(places))
    ]


def _chosen(written: RecordBatch, partition: int, indices: Sequence[int]) -> RecordBatch:
    keys, values = [written.keys[index] for index in indices], [written.values[index] for index in indices]
    headers: dict[int, Headers] = {}
    if written.headers:
        headers = {at: written.headers[index] for at, index in enumerate(indices) if index in written.headers}
    return RecordBatch(written.topic, partition, keys, values, headers)


async def _nothing() -> None:
    return


def names_of(topics: Sequence[Topic[object]], namespace: str, streams: Streams) -> set[str]:
    """The names of the topics: control-plane ones as they are, data-plane ones for every declared stream."""
    return {
        name
        for topic in topics
        for name in (
            [topic.name(namespace)]
            if topic.plane == "control"
            else [topic.name(namespace, stream) for stream in streams.names()]
        )
    }
