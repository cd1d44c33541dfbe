"""The one consumer loop: fetch, decode, handle, publish, wait for the log, write state, commit."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from penstock.bus.assignor import unit_of
from penstock.bus.dead_letters import DeadLetterLimit, dead_letter
from penstock.bus.errors import TransientError
from penstock.bus.ports import Fetched, Log, Place, Source
from penstock.bus.publishing import Publisher, names_of
from penstock.bus.routes import Group, Route, Unit
from penstock.bus.state import MemoryShelf, Shelves, State
from penstock.bus.tracing import follow_traces
from penstock.contracts.batch import AnyOutputs, Batch, RawRecord, Unreadable
from penstock.contracts.streams import Streams
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry

LARGEST_BATCH = 1000  # records a step: larger batches cost memory traffic, smaller ones cost calls
IDLE = 0.005  # seconds without a record after which a group commits at once
COMMIT_EVERY = 0.2  # seconds between commits while records keep coming: a commit takes the broker 5 ms
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds before a failed session is tried again

log = logging.getLogger(__name__)


@dataclass
class _OpenUnit:
    """A unit in this member's hands."""

    unit: Unit
    state: State
    routes: Mapping[str, Route]
    limit: DeadLetterLimit = field(default_factory=DeadLetterLimit)
    positions: dict[str, int] = field(default_factory=dict)


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
        shelves: Shelves,
        telemetry: Telemetry,
        metrics: Metrics,
    ) -> None:
        self.group = group
        self.progressed = time.monotonic()
        self._log = log
        self._namespace = namespace
        self._streams = streams
        self._shelves = shelves
        self._telemetry = telemetry
        self._metrics = metrics
        self._topics = {topic.noun: topic for topic in group.topics}
        self._publisher = Publisher(log, namespace, streams)
        self._source: Source | None = None
        self._subscribed: set[str] = set()
        self._units: dict[Unit, _OpenUnit] = {}
        self._uncommitted: dict[Place, int] = {}
        self._committed_at = 0.0
        self._commit: asyncio.Task[None] | None = None
        self._committing = asyncio.Lock()
        self._handling = asyncio.Lock()
        self._rebalances = 0
        self._unopened: Exception | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        pause = FIRST_PAUSE
        try:
            while True:
                try:
                    await self.step(0.25)
                    pause = FIRST_PAUSE
                except TransientError as error:
                    self.progressed = time.monotonic()  # waiting for what is away is not being stuck
                    log.warning("%s: %s; trying again in %.1f s", self.group.name, error, pause)
                    await self.abandon()
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            await self.close()

    async def step(self, wait: float) -> int:
        """Handle what is there, waiting at most `wait` seconds for it; how many records that were."""
        source = await self._subscribed_source()
        fetched = await source.poll(LARGEST_BATCH, min(wait, IDLE) if self._uncommitted else wait)
        rebalances = self._rebalances  # as of the fetch: a first poll joins the group, too
        self.progressed = time.monotonic()
        self._raise_unopened()
        if not fetched:
            self._commit_soon(source)
            return 0
        async with self._handling:
            if rebalances != self._rebalances:
                return 0  # the places were shared out anew meanwhile and will be read again by their owners
            handled = await self._handle(fetched)
        if time.monotonic() - self._committed_at > COMMIT_EVERY:
            self._commit_soon(source)
        return handled

    async def abandon(self) -> None:
        """Throw the session away: what is not written is forgotten and will be read again."""
        source, self._source = self._source, None
        self._release_units(list(self._units))
        self._uncommitted.clear()
        self._subscribed = set()
        self._unopened = None
        if source is not None:
            await _quietly(source.close())
        await _quietly(self._publisher.close())

    async def close(self) -> None:
        """Commit what is done and leave."""
        if self._source is not None:
            async with self._handling:
                await _quietly(self._commit_now(self._source))
        await self.abandon()

    # --- ownership

    async def gained(self, places: Collection[Place]) -> Mapping[Place, int]:
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

    async def lost(self, places: Collection[Place]) -> None:
        """Commit what is done of the places and close their units."""
        async with self._handling:
            self._rebalances += 1
            if self._source is not None:
                await _quietly(self._commit_now(self._source))
            self._release_units({unit_of(*place, self._namespace) for place in places})
            for place in places:
                self._uncommitted.pop(place, None)

    def _open(self, unit: Unit) -> _OpenUnit:
        if unit not in self._units:
            shelf = self._shelves.open(self.group.name, *unit) if self.group.stateful else MemoryShelf()
            state = State(shelf)
            routes = {route.topic.noun: route for route in self.group.open(unit, state)}
            self._units[unit] = _OpenUnit(unit, state, routes, positions=state.positions())
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

    # --- one step

    async def _subscribed_source(self) -> Source:
        if self._source is None:
            self._source = await self._log.source(self.group.name, self)
        wanted = names_of(self.group.topics, self._namespace, self._streams)
        if wanted != self._subscribed:
            await self._source.subscribe(wanted)
            self._subscribed = wanted
        return self._source

    async def _handle(self, fetched: Sequence[Fetched]) -> int:
        confirmations: list[Awaitable[None]] = []
        touched: dict[Unit, _OpenUnit] = {}
        handled = 0
        with ExitStack() as spans:
            for part in fetched:
                unit = unit_of(part.topic, part.partition, self._namespace)
                opened = self._units.get(unit)
                if opened is None:
                    continue
                confirmations += await self._handle_part(opened, part, spans)
                touched[unit] = opened
                handled += len(part.records)
            for confirmation in confirmations:
                await confirmation
        for opened in touched.values():
            opened.state.write(opened.state.seal(), opened.positions)
        for part in fetched:
            opened = self._units.get(unit_of(part.topic, part.partition, self._namespace))
            if opened is not None:
                self._uncommitted[part.topic, part.partition] = opened.positions[part.topic]
        return handled

    async def _handle_part(self, opened: _OpenUnit, part: Fetched, spans: ExitStack) -> list[Awaitable[None]]:
        known = opened.positions.get(part.topic, 0)
        records = [raw for raw in part.records if raw.offset >= known] if known else part.records
        noun = part.topic.rpartition(".")[2]
        topic = self._topics[noun]
        declared = self._streams.get(opened.unit.stream) if opened.unit.stream else None
        decoded = topic.decoder(declared)(records)
        readable = [index for index, record in enumerate(decoded) if not isinstance(record, Unreadable)]
        confirmations = []
        if len(readable) < len(records):
            confirmations.append(await self._publisher.send(self._dead_letters(opened, part, records, decoded)))
            records = [records[index] for index in readable]
            decoded = [decoded[index] for index in readable]
        if records:
            batch = Batch(topic, declared, part.partition, decoded, records)
            header_of = follow_traces(self._telemetry, part.topic, records, spans)
            started = time.perf_counter()
            outputs = await _result(opened.routes[noun].handle(batch))
            self._metrics.handled(part.topic, time.perf_counter() - started)
            confirmations.append(await self._publisher.send(outputs, header_of))
        self._metrics.consumed(part.topic, len(part.records))
        opened.positions[part.topic] = max(known, part.records[-1].offset + 1)
        return confirmations

    def _dead_letters(
        self, opened: _OpenUnit, part: Fetched, records: Sequence[RawRecord], decoded: Sequence[object]
    ) -> list[AnyOutputs]:
        letters: list[AnyOutputs] = [
            dead_letter(self.group.name, part.topic, opened.unit.stream, part.partition, raw, record.reason)
            for raw, record in zip(records, decoded, strict=True)
            if isinstance(record, Unreadable)
        ]
        log.warning("%s/%d: %d unreadable records go to the dead letters", part.topic, part.partition, len(letters))
        self._metrics.dead_lettered(part.topic, len(letters))
        opened.limit.count(len(records) - len(letters), len(letters), f"{part.topic}/{part.partition}")
        return letters

    # --- commits: for lag only where there is state

    def _commit_soon(self, source: Source) -> None:
        """Start a commit beside the loop, so that the next batch does not wait for the coordinator."""
        if self._uncommitted and (self._commit is None or self._commit.done()):
            self._commit = asyncio.create_task(_quietly(self._commit_now(source)))

    async def _commit_now(self, source: Source) -> None:
        async with self._committing:
            positions, self._uncommitted = self._uncommitted, {}
            self._committed_at = time.monotonic()
            if positions:
                try:
                    await source.commit(positions)
                except TransientError:
                    if source is self._source:
                        self._uncommitted = positions | self._uncommitted
                    raise


async def _result(outputs: Iterable[AnyOutputs] | Awaitable[Iterable[AnyOutputs]]) -> Iterable[AnyOutputs]:
    return await outputs if inspect.isawaitable(outputs) else outputs


async def _quietly(work: Awaitable[None]) -> None:
    """Do it, and let a log that is away be away: what was not committed is read again."""
    try:
        await work
    except TransientError as error:
        log.info("left undone: %s", error)
