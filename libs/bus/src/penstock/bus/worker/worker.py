"""The consumer loop of every service: poll, decode, handle, publish, wait for the log, write state, commit.

Batches are handled ahead while the outputs of earlier ones are being written. All else keeps its order: a batch's state
is written, and its offsets are committed, after its outputs and those of all batches before it were confirmed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from penstock.bus.errors import TransientError, suppress_transient
from penstock.bus.ports import FetchedBatch, Log, Source, TopicPartition
from penstock.bus.publisher import Publisher, TracedOutputs, topic_names
from penstock.bus.routes import Group, Unit
from penstock.bus.state.unit_state import Changes, StateStores
from penstock.bus.unit_assignment import unit_of
from penstock.bus.worker.batch_handler import BatchHandler
from penstock.bus.worker.group_commits import GroupCommits
from penstock.bus.worker.open_unit import OpenUnit, open_unit
from penstock.contracts.records.streams import Streams
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry

MAX_POLL_RECORDS = 2000  # larger batches cost memory traffic, smaller ones cost calls
MAX_IN_FLIGHT = 3  # batches handled while earlier outputs are unconfirmed: enough to keep the network busy
BACKLOG = MAX_POLL_RECORDS // 2  # records of a poll from which on there is a backlog: only then handling ahead pays
SMALL_BATCH = 50  # records: after fewer a worker rests while more arrive, for the cost is the step, not the record
REST, MAX_REST = 3.0, 0.005  # times as long as the step took, and in seconds
IDLE = 0.005  # seconds without a record after which a group commits at once
FIRST_PAUSE, MAX_PAUSE = 0.2, 10.0  # seconds before a failed session is tried again
CLOSE_WITHIN = 2.0  # seconds that unconfirmed outputs are waited for when the worker is stopped

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _InFlightBatch:
    """A handled poll: its outputs are being written; changes and positions follow when they are confirmed."""

    writing: asyncio.Task[None]
    spans: ExitStack
    changes: Sequence[tuple[OpenUnit, Changes, Mapping[str, int]]]
    positions: Mapping[TopicPartition, int]


class Worker:
    """A member of a service's group. `last_error` is why its session failed, until one succeeds.

    On a `TransientError` it drops the whole session, state and connections, and starts again from what was written; any
    other error is a bug and ends the worker.
    """

    def __init__(
        self,
        group: Group,
        log: Log,
        namespace: str,
        streams: Streams,
        state_stores: StateStores,
        telemetry: Telemetry,
        metrics: Metrics,
    ) -> None:
        self.group = group
        self.last_progress = time.monotonic()
        self.last_error: TransientError | None = None
        self._log = log
        self._namespace = namespace
        self._streams = streams
        self._state_stores = state_stores
        self._metrics = metrics
        self._handler = BatchHandler(group, streams, telemetry, metrics)
        self._publisher = Publisher(log, namespace, streams, in_order=True)
        self._source: Source | None = None
        self._subscription: set[str] = set()
        self._units: dict[Unit, OpenUnit] = {}
        self._in_flight: deque[_InFlightBatch] = deque()
        self._commits = GroupCommits()
        self._ownership_lock = asyncio.Lock()
        self._rebalances = 0
        self._open_error: Exception | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        pause = FIRST_PAUSE
        try:
            while True:
                try:
                    await self._run_once()
                    self.last_error = None
                    pause = FIRST_PAUSE
                except TransientError as error:
                    self.last_progress = time.monotonic()  # waiting for what is away is not being stuck
                    self.last_error = error
                    log.warning("%s: %s; trying again in %.1f s", self.group.name, error, pause)
                    await self.abandon()
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, MAX_PAUSE)
        finally:
            await self.close()

    async def _run_once(self) -> None:
        handled = await self._handle_next(0.25)
        if 0 < handled < SMALL_BATCH:
            await self._rest()
        await self._finish_all_but(MAX_IN_FLIGHT if handled >= BACKLOG else 0)
        if self._commits.is_due(idle=not handled):
            self._commit_soon()

    async def _rest(self) -> None:
        """Take at most a quarter of a core for few records, however fast the machine is."""
        await asyncio.sleep(min(REST * (time.monotonic() - self.last_progress), MAX_REST))

    def failures(self) -> dict[str, str]:
        """What fails for now and is tried again, and why: topic partitions, or the group as a whole."""
        failures = {self.group.name: str(self.last_error)} if self.last_error is not None else {}
        if self._source is not None:
            failures |= {f"{topic}/{number}": why for (topic, number), why in self._source.failures().items()}
        return failures

    async def step(self, wait: float) -> int:
        """Handle what is there to its end, waiting at most `wait` seconds for it; how many records that were."""
        handled = await self._handle_next(wait)
        await self._finish_all_but(0)
        self._commit_soon()
        return handled

    async def abandon(self) -> None:
        """Drop the session: what is not written is dropped, and will be read again."""
        source, self._source = self._source, None
        await self._cancel_in_flight()
        self._close_units(list(self._units))
        self._commits.clear()
        self._subscription = set()
        self._open_error = None
        if source is not None:
            await suppress_transient(source.close())
        await suppress_transient(self._publisher.close())

    async def close(self) -> None:
        """Finish what is in flight, within 2 s, commit what is done, and leave the group."""
        if self._in_flight:
            await asyncio.wait([batch.writing for batch in self._in_flight], timeout=CLOSE_WITHIN)
        if self._source is not None:
            async with self._ownership_lock:
                await suppress_transient(self._finish_confirmed())
                await suppress_transient(self._commits.commit(self._source))
        await self.abandon()

    # --- units: assigned and revoked

    async def on_assigned(self, topic_partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Open the units of the topic partitions; of stateful ones, the positions to seek to.

        A unit that cannot be opened fails the next step: a client would log what is raised here, and read on.
        """
        self._rebalances += 1
        try:
            units = {key: self._open(unit_of(*key, self._namespace)) for key in topic_partitions}
        except Exception as error:
            self._open_error = error
            return {}
        positions = {key: unit.positions.get(key[0], 0) for key, unit in units.items() if self.group.stateful}
        # A commit that was lost would never be made good on a topic to which nothing more is written.
        self._commits.add({key: position for key, position in positions.items() if position > 0})
        return positions

    async def on_revoked(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Commit what is done of the topic partitions, and close their units."""
        async with self._ownership_lock:
            self._rebalances += 1
            if self._source is not None:
                await suppress_transient(self._finish(0))
                await suppress_transient(self._commits.commit(self._source))
            self._close_units({unit_of(*key, self._namespace) for key in topic_partitions})
            self._commits.discard(topic_partitions)

    def _open(self, unit: Unit) -> OpenUnit:
        if unit not in self._units:
            self._units[unit] = open_unit(self.group, unit, self._state_stores)
        return self._units[unit]

    def _raise_open_error(self) -> None:
        error, self._open_error = self._open_error, None
        if error is not None:
            raise error

    def _close_units(self, units: Iterable[Unit]) -> None:
        for unit in units:
            opened = self._units.pop(unit, None)
            if opened is not None:
                opened.state.close()

    # --- ahead: from a poll to outputs in flight

    async def _handle_next(self, wait: float) -> int:
        """Handle the next records and start to write their outputs; how many records that were."""
        source = await self._subscribed_source()
        unfinished = bool(self._commits or self._in_flight)
        fetched = await source.poll(MAX_POLL_RECORDS, min(wait, IDLE) if unfinished else wait)
        rebalances = self._rebalances  # as of the fetch: a first poll joins the group, too
        self.last_progress = time.monotonic()
        self._raise_open_error()
        if not fetched:
            return 0
        async with self._ownership_lock:
            if rebalances != self._rebalances:
                return 0  # a rebalance came meanwhile: the new owners will read these records again
            return await self._handle(fetched)

    async def _subscribed_source(self) -> Source:
        if self._source is None:
            self._source = await self._log.source(self.group.name, self)
        names = topic_names(self.group.topics, self._namespace, self._streams)
        if names != self._subscription:
            await self._source.subscribe(names)
            self._subscription = names
        return self._source

    async def _handle(self, fetched: Sequence[FetchedBatch]) -> int:
        owned = [(batch, unit) for batch in fetched if (unit := self._unit_of(batch)) is not None]
        units = {unit.unit: unit for _, unit in owned}
        with ExitStack() as opening:
            outputs = [out for batch, unit in owned for out in await self._handler.handle(unit, batch, opening)]
            spans = opening.pop_all()  # they end when the outputs are confirmed
        self._in_flight.append(
            _InFlightBatch(
                writing=asyncio.create_task(self._write(outputs)),
                spans=spans,
                changes=[(unit, unit.state.take_changes(), dict(unit.positions)) for unit in units.values()],
                positions={(batch.topic, batch.partition): unit.positions[batch.topic] for batch, unit in owned},
            )
        )
        return sum(len(batch.records) for batch, _ in owned)

    def _unit_of(self, batch: FetchedBatch) -> OpenUnit | None:
        return self._units.get(unit_of(batch.topic, batch.partition, self._namespace))

    async def _write(self, results: Sequence[TracedOutputs]) -> None:
        await (await self._publisher.send(results))
        for output in [output for outputs, _ in results for output in outputs]:
            self._metrics.count_produced(output.topic.name(self._namespace, output.stream), len(output.records))

    # --- behind: from confirmed outputs to state and commit

    async def _finish_all_but(self, max_in_flight: int) -> None:
        """Finish batches until at most so many are in flight, and those that are confirmed anyway."""
        await asyncio.sleep(0)
        async with self._ownership_lock:
            await self._finish(max_in_flight)

    def _commit_soon(self) -> None:
        if self._source is not None and self._commits:
            for topic, records in self._consumer_lags(self._source).items():
                self._metrics.set_consumer_lag(topic, records)
            self._commits.commit_soon(self._source)

    def _consumer_lags(self, source: Source) -> Mapping[str, int]:
        lags: Counter[str] = Counter()
        for (topic, partition), end in source.end_offsets().items():
            unit = self._units.get(unit_of(topic, partition, self._namespace))
            lags[topic] += max(0, end - unit.positions.get(topic, end)) if unit else 0
        return lags

    async def _finish(self, max_in_flight: int) -> None:
        while len(self._in_flight) > max_in_flight:
            await self._finish_first()
        await self._finish_confirmed()

    async def _finish_confirmed(self) -> None:
        while self._in_flight and self._in_flight[0].writing.done():
            await self._finish_first()

    async def _finish_first(self) -> None:
        batch = self._in_flight[0]
        with batch.spans:
            await asyncio.shield(batch.writing)  # a stop ends the wait, not the write: `close` finishes it
        self._in_flight.popleft()
        for unit, changes, positions in batch.changes:
            unit.state.write(changes, positions)
        self._commits.add(batch.positions)

    async def _cancel_in_flight(self) -> None:
        writing = [batch.writing for batch in self._in_flight]
        self._in_flight.clear()
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)
