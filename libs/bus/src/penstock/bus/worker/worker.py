"""The one consumer loop: fetch, decode, handle, publish, wait for the log, write state, commit.

Batches are handled ahead while the outputs of earlier ones are on their way. The rest keeps its order: a batch's state
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

from penstock.bus.errors import TransientError
from penstock.bus.kafka.assignor import unit_of
from penstock.bus.ports import FetchedBatch, Log, Source, TopicPartition
from penstock.bus.publisher import Publisher, names_of
from penstock.bus.routes import Group, Unit
from penstock.bus.state.state import Changes, MemoryStateStore, State, StateStores
from penstock.bus.worker.group_commits import Commits, quietly
from penstock.bus.worker.open_unit import Handled, Handling, OpenUnit
from penstock.contracts.records.streams import Streams
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry

LARGEST_BATCH = 2000  # records a step: larger batches cost memory traffic, smaller ones cost calls
MOST_AHEAD = 3  # batches handled while earlier outputs are unconfirmed: enough to keep the network busy
BACKLOG = LARGEST_BATCH // 2  # records of a step from which on there is one: without, being ahead is only queueing
SMALL_BATCH = 50  # records: after fewer a worker rests while more gather, for what costs is the step, not the record
REST, LONGEST_REST = 3.0, 0.005  # times as long as the step took, and in seconds
IDLE = 0.005  # seconds without a record after which a group commits at once
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds before a failed session is tried again
LEAVING_WITHIN = 2.0  # seconds that unconfirmed outputs are waited for when the worker is stopped

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Batch:
    """A fetch that was handled: its outputs on their way, and what follows when they are confirmed."""

    written: asyncio.Task[None]
    spans: ExitStack
    changes: Sequence[tuple[OpenUnit, Changes, Mapping[str, int]]]
    positions: Mapping[TopicPartition, int]


class Worker:
    """A member of a service's group.

    Every failure that may pass (`TransientError`) throws the whole session away, state and connections, and starts
    again from what was written; any other failure is a bug and ends the worker.
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
        self.progressed = time.monotonic()
        self._log = log
        self._namespace = namespace
        self._streams = streams
        self._state_stores = state_stores
        self._metrics = metrics
        self._handling = Handling(group, streams, telemetry, metrics)
        self._publisher = Publisher(log, namespace, streams, in_order=True)
        self._source: Source | None = None
        self._subscribed: set[str] = set()
        self._units: dict[Unit, OpenUnit] = {}
        self._ahead: deque[_Batch] = deque()
        self._commits = Commits()
        self._changing = asyncio.Lock()
        self._rebalances = 0
        self._unopened: Exception | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        pause = FIRST_PAUSE
        try:
            while True:
                try:
                    handled = await self._advance(0.25)
                    if 0 < handled < SMALL_BATCH:
                        await self._rest()
                    await self._settle(MOST_AHEAD if handled >= BACKLOG else 0)
                    if self._commits.is_due(idle=not handled):
                        self._tell()
                    pause = FIRST_PAUSE
                except TransientError as error:
                    self.progressed = time.monotonic()  # waiting for what is away is not being stuck
                    log.warning("%s: %s; trying again in %.1f s", self.group.name, error, pause)
                    await self.abandon()
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            await self.close()

    async def _rest(self) -> None:
        """Take at most a quarter of a core for few records, however fast the machine is."""
        await asyncio.sleep(min(REST * (time.monotonic() - self.progressed), LONGEST_REST))

    async def step(self, wait: float) -> int:
        """Handle what is there, waiting at most `wait` seconds for it, to its end; how many records that were."""
        handled = await self._advance(wait)
        await self._settle(0)
        self._tell()
        return handled

    async def abandon(self) -> None:
        """Throw the session away: what is not written is forgotten and will be read again."""
        source, self._source = self._source, None
        await self._give_up_ahead()
        self._release_units(list(self._units))
        self._commits.clear()
        self._subscribed = set()
        self._unopened = None
        if source is not None:
            await quietly(source.close())
        await quietly(self._publisher.close())

    async def close(self) -> None:
        """Finish what is on its way, within 2 s, commit what is done, and leave."""
        if self._ahead:
            await asyncio.wait([batch.written for batch in self._ahead], timeout=LEAVING_WITHIN)
        if self._source is not None:
            async with self._changing:
                await quietly(self._finish_confirmed())
                await quietly(self._commits.tell(self._source))
        await self.abandon()

    # --- ownership

    async def gained(self, places: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Open the units of the places; stateful ones say where to go on.

        A unit that cannot be opened fails the next step: a client would log what is raised here, and read on.
        """
        self._rebalances += 1
        try:
            opened = {place: self._open(unit_of(*place, self._namespace)) for place in places}
        except Exception as error:
            self._unopened = error
            return {}
        return {place: unit.positions.get(place[0], 0) for place, unit in opened.items() if self.group.stateful}

    async def lost(self, places: Collection[TopicPartition]) -> None:
        """Commit what is done of the places and close their units."""
        async with self._changing:
            self._rebalances += 1
            if self._source is not None:
                await quietly(self._finish(0))
                await quietly(self._commits.tell(self._source))
            self._release_units({unit_of(*place, self._namespace) for place in places})
            self._commits.forget(places)

    def _open(self, unit: Unit) -> OpenUnit:
        if unit not in self._units:
            store = self._state_stores.open(self.group.name, *unit) if self.group.stateful else MemoryStateStore()
            state = State(store)
            routes = {route.topic.noun: route for route in self.group.open(unit, state)}
            self._units[unit] = OpenUnit(unit, state, routes, positions=state.positions())
        return self._units[unit]

    def _raise_unopened(self) -> None:
        error, self._unopened = self._unopened, None
        if error is not None:
            raise error

    def _release_units(self, units: Iterable[Unit]) -> None:
        for unit in units:
            opened = self._units.pop(unit, None)
            if opened is not None:
                opened.state.close()

    # --- ahead: from a fetch to outputs on their way

    async def _advance(self, wait: float) -> int:
        """Handle the next fetch and start to write its outputs; how many records that were."""
        source = await self._subscribed_source()
        unfinished = bool(self._commits or self._ahead)
        fetched = await source.poll(LARGEST_BATCH, min(wait, IDLE) if unfinished else wait)
        rebalances = self._rebalances  # as of the fetch: a first poll joins the group, too
        self.progressed = time.monotonic()
        self._raise_unopened()
        if not fetched:
            return 0
        async with self._changing:
            if rebalances != self._rebalances:
                return 0  # the places were shared out anew meanwhile and will be read again by their owners
            return await self._handle(fetched)

    async def _subscribed_source(self) -> Source:
        if self._source is None:
            self._source = await self._log.source(self.group.name, self)
        wanted = names_of(self.group.topics, self._namespace, self._streams)
        if wanted != self._subscribed:
            await self._source.subscribe(wanted)
            self._subscribed = wanted
        return self._source

    async def _handle(self, fetched: Sequence[FetchedBatch]) -> int:
        owned = [(part, opened) for part in fetched if (opened := self._opened(part)) is not None]
        touched = {opened.unit: opened for _, opened in owned}
        with ExitStack() as opening:
            handled = [done for part, opened in owned for done in await self._handling.handle(opened, part, opening)]
            spans = opening.pop_all()  # they end when the outputs are confirmed
        self._ahead.append(
            _Batch(
                written=asyncio.create_task(self._write(handled)),
                spans=spans,
                changes=[(opened, opened.state.seal(), dict(opened.positions)) for opened in touched.values()],
                positions={(part.topic, part.partition): opened.positions[part.topic] for part, opened in owned},
            )
        )
        return sum(len(part.records) for part, _ in owned)

    def _opened(self, part: FetchedBatch) -> OpenUnit | None:
        return self._units.get(unit_of(part.topic, part.partition, self._namespace))

    async def _write(self, handled: Sequence[Handled]) -> None:
        confirmations = [await self._publisher.send(outputs, header_of) for outputs, header_of in handled]
        for confirmation in confirmations:
            await confirmation
        for output in [output for outputs, _ in handled for output in outputs]:
            self._metrics.produced(output.topic.name(self._namespace, output.stream), len(output.records))

    # --- behind: from confirmed outputs to state and commit

    async def _settle(self, most_ahead: int) -> None:
        """Finish batches until at most so many are ahead, and those that are confirmed anyway."""
        await asyncio.sleep(0)
        async with self._changing:
            await self._finish(most_ahead)

    def _tell(self) -> None:
        if self._source is not None and self._commits:
            for topic, records in self._lags(self._source).items():
                self._metrics.lag(topic, records)
            self._commits.tell_soon(self._source)

    def _lags(self, source: Source) -> Mapping[str, int]:
        lags: Counter[str] = Counter()
        for (topic, partition), end in source.ends().items():
            opened = self._units.get(unit_of(topic, partition, self._namespace))
            lags[topic] += max(0, end - opened.positions.get(topic, end)) if opened else 0
        return lags

    async def _finish(self, most_ahead: int) -> None:
        while len(self._ahead) > most_ahead:
            await self._finish_first()
        await self._finish_confirmed()

    async def _finish_confirmed(self) -> None:
        while self._ahead and self._ahead[0].written.done():
            await self._finish_first()

    async def _finish_first(self) -> None:
        batch = self._ahead[0]
        with batch.spans:
            await batch.written
        self._ahead.popleft()
        for opened, changes, positions in batch.changes:
            opened.state.write(changes, positions)
        self._commits.add(batch.positions)

    async def _give_up_ahead(self) -> None:
        given_up = [batch.written for batch in self._ahead]
        self._ahead.clear()
        for written in given_up:
            written.cancel()
        await asyncio.gather(*given_up, return_exceptions=True)
