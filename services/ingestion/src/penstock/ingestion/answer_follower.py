"""Following the answers of the streams that clients look up, outside any group, and of no others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from penstock.bus.errors import UnreadableBatch
from penstock.bus.ports import FetchedBatch, Log, Reader
from penstock.contracts.records.streams import StreamDeclared
from penstock.ingestion.answer_cache import AnswerCache
from penstock.ingestion.followed_stream import FollowedStream
from penstock.runtime.broker_retries import retry_until_available

IDLE = 600.0  # seconds after the last lookup until a stream is no longer followed
POLL = 0.1  # seconds: how long a stream that is newly looked up may wait for the reader's next round
PAUSE = 1.0  # seconds before a broker that is away is tried again
SLICE = 1000  # answers added before other tasks get their turn

log = logging.getLogger("penstock.ingestion")


class AnswerFollower:
    """Follows `predictions` and `rejected` of streams, all partitions, each from its first lookup on.

    One reader serves all streams, so that their number costs no connections. A stream is located by itself, before the
    reader takes it on: one whose topics or leaders are missing holds up no other. A stream that no client looks at
    costs nothing.
    """

    def __init__(
        self, source: Log, namespace: str, cache: AnswerCache, idle: float = IDLE, pause: float = PAUSE
    ) -> None:
        self._log = source
        self._namespace = namespace
        self._cache = cache
        self._idle = idle
        self._pause = pause
        self._streams: dict[str, FollowedStream] = {}
        self._located: dict[str, FollowedStream] = {}
        self._by_topic: dict[str, FollowedStream] = {}
        self._reading: asyncio.Task[None] | None = None
        self._locating: set[asyncio.Task[None]] = set()

    def follow(self, declared: StreamDeclared) -> asyncio.Event:
        """Follow the stream from now on; the event is set once what is on the log now was read."""
        stream = self._streams.get(declared.name)
        if stream is None:
            stream = self._streams[declared.name] = FollowedStream(self._namespace, declared)
            task = asyncio.get_running_loop().create_task(self._locate(stream))
            self._locating.add(task)
            task.add_done_callback(self._locating.discard)
        stream.looked_up()
        self._read_located()
        return stream.caught_up

    @property
    def streams(self) -> list[str]:
        """The streams that are followed now."""
        return list(self._streams)

    async def close(self) -> None:
        """Stop following."""
        tasks = [*self._locating, *([self._reading] if self._reading is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _locate(self, stream: FollowedStream) -> None:
        """Locate a stream, however long that takes, and have it read."""

        async def locate_unless_idle() -> None:
            if not self._is_idle(stream):
                await stream.locate(self._log)

        try:
            await retry_until_available(locate_unless_idle, pause=self._pause)
        finally:
            if not stream.positions:
                del self._streams[stream.name]
        if stream.positions:
            self._located[stream.name] = stream
            self._by_topic |= dict.fromkeys(stream.topics, stream)
            self._read_located()

    def _is_idle(self, stream: FollowedStream) -> bool:
        return stream.is_idle(self._idle) and not self._cache.subscriptions.has_any(stream.name)

    def _read_located(self) -> None:
        """See to it that what is located is read."""
        if self._located and (self._reading is None or self._reading.done()):
            self._reading = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        while self._located:
            await retry_until_available(self._read_through_one_reader, pause=self._pause)

    async def _read_through_one_reader(self) -> None:
        """Read what is located, until nothing is followed any more."""
        reader = await self._log.reader({})
        being_read: dict[str, FollowedStream] = {}
        try:
            while self._forget_idle():
                await _change(reader, being_read, self._located)
                await self._add(await _poll(reader))
        finally:
            await reader.close()

    def _forget_idle(self) -> int:
        """Follow idle streams no more; how many are left to be read."""
        for stream in [stream for stream in self._located.values() if self._is_idle(stream)]:
            del self._located[stream.name], self._streams[stream.name]
            for topic in stream.topics:
                del self._by_topic[topic]
        return len(self._located)

    async def _add(self, batches: Iterable[FetchedBatch]) -> None:
        """Add answers to the cache."""
        for batch in batches:
            stream = self._by_topic[batch.topic]
            kind = stream.kinds[batch.topic, batch.partition]
            for index, record in enumerate(batch.records):
                self._cache.add(stream.name, kind, record)
                if index % SLICE == SLICE - 1:
                    await asyncio.sleep(0)
            stream.advance(batch)


async def _change(reader: Reader, being_read: dict[str, FollowedStream], located: dict[str, FollowedStream]) -> None:
    """Have the reader read what is located, and nothing else."""
    gone = [being_read.pop(name) for name in [*being_read] if located.get(name) is not being_read[name]]
    if gone:
        await reader.remove([key for stream in gone for key in stream.kinds])
    new = {name: stream for name, stream in located.items() if name not in being_read}
    if new:
        await reader.add({key: at for stream in new.values() for key, at in stream.positions.items()})
        being_read |= new


async def _poll(reader: Reader) -> list[FetchedBatch]:
    """The next answers. The reader leaves out a topic partition that cannot be read, and the others go on."""
    try:
        return await reader.poll(POLL)
    except UnreadableBatch as error:
        log.warning("answers are missing: %s", error)
        return []
