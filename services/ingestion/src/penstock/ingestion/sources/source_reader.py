"""One source of a stream: a member of its group, which reads messages, has what they stand for written, and commits.

What comes after a crash is read again and gives the same records, which the validator knows for duplicates.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from penstock.bus.errors import BrokerUnavailable, TransientError, suppress_transient
from penstock.bus.ports import FetchedBatch, Log, Source, TopicPartition
from penstock.bus.worker.gaps import gap_text, log_gap
from penstock.bus.worker.worker import FIRST_PAUSE, MAX_PAUSE, MAX_SILENCE
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import GAP, Alert
from penstock.ingestion.sources.message_decoder import MessageDecoder
from penstock.ingestion.sources.source_name import SourceName
from penstock.ingestion.sources.source_watch import SourceWatch
from penstock.ingestion.sources.source_writer import SourceWriter

MAX_RECORDS = 1000  # a poll: what is mapped without a pause for others
WAIT = 0.25  # seconds that a poll waits for messages

log = logging.getLogger(__name__)


class SourceReader:
    """Reads one source of a stream for ever, whatever fails. `read` and `rejected` count its messages."""

    def __init__(
        self, name: SourceName, topic: str, log: Log, decoder: MessageDecoder, writer: SourceWriter, watch: SourceWatch
    ) -> None:
        self.read = self.rejected = 0
        self._name = name
        self._topic = topic
        self._log = log
        self._decoder = decoder
        self._writer = writer
        self._watch = watch
        self._source: Source | None = None
        self._handling = asyncio.Lock()
        self._rebalances = 0
        self._positions: dict[TopicPartition, int] = {}

    @property
    def failure(self) -> str | None:
        """Why it does not get on for now, None if it does."""
        return self._watch.failure

    @property
    def lag(self) -> int:
        """How many messages it has still to read, of the partitions that it has read from."""
        ends = self._source.end_offsets() if self._source is not None else {}
        return sum(max(0, end - self._positions.get(key, end)) for key, end in ends.items())

    async def run(self) -> None:
        """Work until cancelled."""
        pause = FIRST_PAUSE
        try:
            while True:
                if await self._try_step():
                    pause = FIRST_PAUSE
                else:
                    await self._leave()
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, MAX_PAUSE)
        finally:
            await self._leave()

    async def _try_step(self) -> bool:
        try:
            await self.step(WAIT)
        except TransientError as error:
            self._watch.fail(str(error))
        except Exception as error:  # a bug: the other sources, and the service, go on
            log.exception("%s: failed", self._name)
            self._watch.fail(f"{type(error).__name__}: {error}")
        else:
            return True
        return False

    async def step(self, wait: float) -> int:
        """Read what is there, waiting at most `wait` seconds for it, and have it written; how many messages that were.

        Raises:
            TransientError: something is away for now: nothing of it is committed.
        """
        source = await self._joined()
        fetched = await source.poll(MAX_RECORDS, wait)
        rebalances = self._rebalances
        async with self._handling:
            if rebalances != self._rebalances:
                return 0  # the new owners will read these messages again
            if fetched:
                await self._handle(source, fetched)
        self._judge(source)
        return sum(len(batch.records) for batch in fetched)

    async def _joined(self) -> Source:
        if self._source is None:
            if not await self._log.existing([self._topic]):
                raise BrokerUnavailable(f"there is no topic {self._topic}, or it may not be read")
            self._source = await self._log.source(self._name.group, self)
            await self._source.subscribe([self._topic])
        return self._source

    async def _handle(self, source: Source, fetched: Sequence[FetchedBatch]) -> None:
        decoded = [await self._decoder.decode(batch) for batch in fetched]
        await self._writer.write(decoded)
        for batch in fetched:
            if batch.gap is not None:
                self._pass_gap(source, batch)
        positions = {(batch.topic, batch.partition): batch.next_position for batch in fetched}
        await source.commit(positions)
        self._positions |= positions
        self.read += sum(len(batch.records) for batch in fetched)
        self.rejected += sum(len(part.rejections) for part in decoded)

    def _pass_gap(self, source: Source, batch: FetchedBatch) -> None:
        assert batch.gap is not None
        report = log_gap(self._name.group, batch, batch.gap, "continue")
        text = gap_text(self._name.stream, report)
        log.error("%s", text)
        self._watch.tell(
            Alert(
                source="penstock/ingestion",
                id=derived_id(GAP, *report.model_dump().values(), batch.gap.topic_id),
                time=datetime.now(UTC),
                severity="critical",
                subject=GAP,
                message=text,
                stream=self._name.stream,
                gap=report,
                kind=AlertKind.GAP,
                key=alert_key(AlertKind.GAP, self._name.stream, self._name.group, batch.topic, batch.partition),
            )
        )
        source.seek({(batch.topic, batch.partition): batch.gap.found})

    def _judge(self, source: Source) -> None:
        """Whether it gets on: a poll of a broker that is away ends in time, and without a word."""
        unreadable = [f"{topic}/{number}: {why}" for (topic, number), why in source.failures().items()]
        if source.silence() > MAX_SILENCE:
            self._watch.fail(f"the broker has not answered for {MAX_SILENCE:.0f} s; it is waited for")
        elif unreadable:
            self._watch.fail(unreadable[0])
        else:
            self._watch.succeed()

    async def _leave(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            await suppress_transient(source.close())

    async def on_assigned(self, topic_partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Own the topic partitions, from the group's commits on."""
        self._rebalances += 1
        self._forget(topic_partitions)
        return {}

    async def on_revoked(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Finish what is being written of the topic partitions, and give them up."""
        async with self._handling:
            self._rebalances += 1
            self._forget(topic_partitions)

    def _forget(self, topic_partitions: Collection[TopicPartition]) -> None:
        for key in topic_partitions:
            self._positions.pop(key, None)
