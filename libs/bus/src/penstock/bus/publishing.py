"""From typed outputs to the log: encode, place, send, and wait until the log has confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

from penstock.bus.errors import BrokerUnavailable, RecordTooLarge
from penstock.bus.ports import Log, Sink, Written
from penstock.bus.topics import largest_of
from penstock.contracts.batch import AnyOutputs
from penstock.contracts.decoding import encode
from penstock.contracts.placement import partition_of
from penstock.contracts.streams import Streams
from penstock.contracts.topics import Topic
from penstock.telemetry.names import TRACEPARENT

HeaderOf = Callable[[int], bytes | None]
"""The `traceparent` for what the i-th record of a batch caused; None: not sampled."""


def no_header(_: int) -> None:
    """Nothing is traced."""


class Publisher:
    """Writes outputs. After a failed write its sink is thrown away, and the next write starts with a new one."""

    def __init__(self, log: Log, namespace: str, streams: Streams) -> None:
        self._log = log
        self._namespace = namespace
        self._streams = streams
        self._sink: Sink | None = None
        self._opening = asyncio.Lock()

    async def publish(self, outputs: Iterable[AnyOutputs], header_of: HeaderOf = no_header) -> None:
        """Write the outputs and wait until the log has confirmed all of them.

        Raises:
            BrokerUnavailable: the log did not confirm; whether it took them is unknown.
            RecordTooLarge: an output exceeds what the log takes.
        """
        await (await self.send(outputs, header_of))

    async def send(self, outputs: Iterable[AnyOutputs], header_of: HeaderOf = no_header) -> Awaitable[None]:
        """Hand the outputs over, in order; the answer is done when the log has confirmed all of them."""
        records = [record for output in outputs for record in self._records(output, header_of)]
        if not records:
            return _nothing()
        sink = await self._opened()
        try:
            confirmation = await sink.send(records)
        except BrokerUnavailable:
            await self._throw_away(sink)
            raise
        return self._watched(confirmation, sink)

    async def _opened(self) -> Sink:
        async with self._opening:  # requests come side by side, and one sink is enough
            if self._sink is None:
                self._sink = await self._log.sink()
            return self._sink

    async def _watched(self, confirmation: Awaitable[None], sink: Sink) -> None:
        try:
            await confirmation
        except Exception:
            await self._throw_away(sink)
            raise

    async def _throw_away(self, sink: Sink) -> None:
        if self._sink is sink:
            self._sink = None
        await sink.close()

    async def close(self) -> None:
        """Wait for what is under way and leave."""
        if self._sink is not None:
            await self._throw_away(self._sink)

    def _records(self, output: AnyOutputs, header_of: HeaderOf) -> Iterator[Written]:
        topic: Topic[object] = output.topic
        name = topic.name(self._namespace, output.stream)
        for index, (key, record) in enumerate(zip(output.keys, output.records, strict=True)):
            partition = output.partition if output.partition is not None else self._place(topic, output.stream, key)
            header = header_of(output.causes[index]) if output.causes else None
            value = encode(record)
            if len(value) + len(key or b"") > largest_of(topic):
                raise RecordTooLarge(f"a record for {name} is larger than {largest_of(topic)} bytes")
            yield Written(name, partition, key, value, ((TRACEPARENT, header),) if header else ())

    def _place(self, topic: Topic[object], stream: str | None, key: bytes | None) -> int:
        declared = self._streams.get(stream) if stream else None
        partitions = topic.partitions(declared)
        return partition_of(key, partitions) if key and partitions > 1 else 0


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
