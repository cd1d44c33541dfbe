"""The consumer loop of every service: poll, decode, handle, publish, wait for the log, write state, commit.

Batches are handled ahead while the outputs of earlier ones are being written. All else keeps its order: a batch's state
is written, and its offsets are committed, after its outputs and those of all batches before it were confirmed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack

from penstock.bus.alert_writer import AlertWriter
from penstock.bus.errors import AccessDenied, TransientError, suppress_transient
from penstock.bus.ports import FetchedBatch, Log, Source, TopicPartition
from penstock.bus.publisher import Publisher, TracedOutputs, topic_names
from penstock.bus.routes import Group
from penstock.bus.state.unit_state import StateStores
from penstock.bus.worker.assigned_units import AssignedUnit, AssignedUnits
from penstock.bus.worker.batch_handler import BatchHandler
from penstock.bus.worker.dead_letter_watch import DeadLetterWatch
from penstock.bus.worker.gaps import Gaps
from penstock.bus.worker.group_commits import GroupCommits
from penstock.bus.worker.step import Step
from penstock.bus.worker.step_writer import StepWriter
from penstock.bus.worker.unit_retries import UnitRetries
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
MAX_SILENCE = 30.0  # seconds that the log may be silent before the group is reported as failing
CLOSE_WITHIN = 2.0  # seconds that unconfirmed outputs are waited for when the worker is stopped

log = logging.getLogger(__name__)


class Worker:
    """A member of a service's group.

    `last_error` is why its session failed, until one succeeds. `handling_since` is when its handlers were called, None
    while none is at work; `last_answer` is when the log last answered, `last_handled` when records were last handled,
    None before the first. All are times of the monotonic clock.

    What fails in one unit holds back that unit alone (`UnitRetries`). On a `TransientError` of the log it drops the
    whole session, state and connections, and starts again from what was written. An error that several units share is
    a bug and ends the worker.
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
        *,
        is_new_version: bool = False,
    ) -> None:
        self.group = group
        self.last_answer = self._polled = time.monotonic()
        self.last_handled: float | None = None
        self.handling_since: float | None = None
        self.last_error: TransientError | None = None
        self._log = log
        self._namespace = namespace
        self._streams = streams
        self._metrics = metrics
        self._gaps = Gaps(group, log, streams, metrics)
        self._publisher = Publisher(log, namespace, streams, metrics, in_order=True)
        self._source: Source | None = None
        self._subscription: set[str] = set()
        self._units = AssignedUnits(group, namespace, state_stores)
        self._alerts = AlertWriter(Publisher(log, namespace, streams, metrics))
        self._dead_letters = DeadLetterWatch(group.name, self._alerts)
        self._handler = BatchHandler(group, streams, telemetry, metrics, self._dead_letters)
        self._retries = UnitRetries(group, self._units, self._alerts, metrics, is_new_version=is_new_version)
        self._commits = GroupCommits()
        self._writer = StepWriter(log, self._publisher, self._units, self._retries, self._commits, metrics)
        self._ownership_lock = asyncio.Lock()
        self._rebalances = 0
        self._lagging: set[str] = set()

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
        await asyncio.sleep(min(REST * (time.monotonic() - self._polled), MAX_REST))

    def failures(self) -> dict[str, str]:
        """What fails for now and is tried again, and why: units, topic partitions, or the group as a whole."""
        failures = {}
        if self.last_error is not None:
            failures[self.group.name] = str(self.last_error)
        elif self.is_cut_off:
            failures[self.group.name] = f"the log has not answered for {MAX_SILENCE:.0f} s; it is waited for"
        failures |= {f"{self.group.name}/{unit}": why for unit, why in self._retries.reasons().items()}
        if self._source is not None:
            failures |= {f"{topic}/{number}": why for (topic, number), why in self._source.failures().items()}
        return failures | self._gaps.failures()

    @property
    def is_cut_off(self) -> bool:
        """Whether the log has not answered for half a minute, or does not let the group work."""
        is_silent = self.handling_since is None and time.monotonic() - self.last_answer > MAX_SILENCE
        return is_silent or isinstance(self.last_error, AccessDenied)

    def resume(self, stream: str | None, partition: int | None = None) -> list[int]:
        """Try the units of a stream that are held back again at once; None: of the control plane. Their partitions.

        What of their next records cannot be read or handled becomes dead letters, without a limit.
        """
        return [unit.unit.partition for unit in self._retries.resume(stream, partition)]

    def raise_unit_error(self) -> None:
        """Raise what a unit failed at last, if one is held back: for who does not wait for another try."""
        self._retries.raise_error()

    async def step(self, wait: float) -> int:
        """Handle what is there to its end, waiting at most `wait` seconds for it; how many records that were."""
        handled = await self._handle_next(wait)
        await self._finish_all_but(0)
        self._commit_soon()
        return handled

    async def abandon(self) -> None:
        """Drop the session: what is not written is dropped, and will be read again."""
        source, self._source = self._source, None
        await self._writer.cancel()
        self._units.close()
        self._retries.reassign()
        self._commits.clear()
        self._gaps.clear()
        self._subscription = set()
        if source is not None:
            await suppress_transient(source.close())
        await suppress_transient(self._publisher.close())

    async def close(self) -> None:
        """Finish what is in flight, within 2 s, commit what is done, and leave the group."""
        await self._writer.wait(CLOSE_WITHIN)
        if self._source is not None:
            async with self._ownership_lock:
                await suppress_transient(self._writer.finish_confirmed())
                await suppress_transient(self._commits.commit(self._source))
        await self._alerts.close()
        await self.abandon()

    # --- units: assigned and revoked

    async def on_assigned(self, topic_partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Own the topic partitions; the positions to seek to, where they are known.

        A unit is opened at its first record. Until then the group's commit serves: it is never ahead of the state.
        """
        self._rebalances += 1
        assigned = self._units.assign(topic_partitions)
        self._retries.reassign()
        positions = {
            key: unit.positions[key[0]]
            for key, unit in zip(topic_partitions, assigned, strict=True)
            if unit.positions is not None and key[0] in unit.positions
        }
        if not self._writer:  # a commit that was lost would not be made good where nothing more is written
            self._commits.add(positions)
        return positions

    async def on_revoked(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Commit what is done of the topic partitions, and give them up."""
        async with self._ownership_lock:
            self._rebalances += 1
            if self._source is not None:
                await suppress_transient(self._writer.finish(0))
                await suppress_transient(self._commits.commit(self._source))
            self._units.revoke(topic_partitions)
            self._commits.discard(topic_partitions)
            self._gaps.discard(topic_partitions)

    # --- ahead: from a poll to outputs in flight

    async def _handle_next(self, wait: float) -> int:
        """Handle the next records and start to write their outputs; how many records that were."""
        source = await self._subscribed_source()
        self._retries.pause(source)
        self._dead_letters.look()
        self._alerts.write_soon()
        unfinished = bool(self._commits or self._writer)
        fetched = await source.poll(MAX_POLL_RECORDS, self._retries.wait(min(wait, IDLE) if unfinished else wait))
        fetched = [*self._gaps.take_due(), *fetched]
        rebalances = self._rebalances  # as of the fetch: a first poll joins the group, too
        self._polled = time.monotonic()
        self.last_answer = self._polled - source.silence()
        if not fetched and not self._retries.due():
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
        """Handle what was fetched, and what is due for another try; how many records that were."""
        records, step = 0, Step()
        for unit, batches in self._by_unit(fetched).items():
            if unit.failure is not None:
                unit.pending.extend(batches)
                continue
            if self._units.are_full and unit.state is None:
                self._writer.send(step)
                step = Step()
                await self._writer.finish(0)  # lets go of states that are in flight
            if await self._handle_unit(unit, batches, step):
                records += sum(map(_count, batches))
        for unit in self._retries.due():
            batches = self._retries.next_slice(unit)
            if await self._handle_unit(unit, batches, step):
                self._retries.succeed(unit, batches)
                records += sum(len(batch.records) for batch in batches)
        if records:
            self.last_handled = time.monotonic()
        self._writer.send(step)
        return records

    def _by_unit(self, fetched: Sequence[FetchedBatch]) -> dict[AssignedUnit, list[FetchedBatch]]:
        by_unit: dict[AssignedUnit, list[FetchedBatch]] = {}
        for batch in fetched:
            unit = self._units.of(batch.topic, batch.partition)
            if unit is not None:
                by_unit.setdefault(unit, []).append(batch)
        return by_unit

    async def _handle_unit(self, unit: AssignedUnit, batches: Sequence[FetchedBatch], step: Step) -> bool:
        """Handle batches of one unit, and add them and their outputs to the step; False: the unit failed."""
        try:
            if await self._units.open(unit):
                batches = await self._from_positions(unit, batches)
        except Exception as error:
            self._units.close_state(unit)
            self._retries.fail(unit, batches, error)
            return False
        before = dict(unit.positions or {})
        with ExitStack() as spans:
            try:
                parts = [part for batch in batches for part in await self._outputs(unit, batch, spans)]
                step.add(unit, batches, self._publisher.encode(parts))
            except Exception as error:
                unit.return_to(before)
                self._retries.fail(unit, batches, error)
                if isinstance(error, TransientError):
                    await self._writer.finish(0)
                    self._units.close_state(unit)  # what cannot be read is opened anew
                return False
            step.spans.push(spans.pop_all())
        return True

    async def _from_positions(self, unit: AssignedUnit, batches: Sequence[FetchedBatch]) -> Sequence[FetchedBatch]:
        """The batches that go on from where the unit's state stands; its other topic partitions are sought.

        It may be that a commit was lost, or that the state is older than what was fetched.
        """
        starts = await self._gaps.starts(dict.fromkeys(unit.topic_partitions, unit))
        if unit.failure is not None:
            unit.pending.clear()
            batches = ()
        at_start = [
            batch
            for batch in batches
            if _holds(batch, starts.get((batch.topic, batch.partition)))
            and not self._gaps.is_due((batch.topic, batch.partition))
        ]
        elsewhere = starts.keys() - {(batch.topic, batch.partition) for batch in at_start}
        if self._source is not None:
            self._source.seek({key: starts[key] for key in elsewhere})
        # where nothing more comes to be handled, a commit that was lost is made good by this one alone
        known = {key for key in elsewhere if key[0] in (unit.positions or {}) and not self._gaps.is_due(key)}
        self._commits.add({key: starts[key] for key in known})
        return at_start

    async def _outputs(self, unit: AssignedUnit, batch: FetchedBatch, spans: ExitStack) -> Sequence[TracedOutputs]:
        self.handling_since = time.monotonic()
        try:
            return await self._outputs_of_handler(unit, batch, spans)
        finally:
            self.handling_since = None

    async def _outputs_of_handler(
        self, unit: AssignedUnit, batch: FetchedBatch, spans: ExitStack
    ) -> Sequence[TracedOutputs]:
        if batch.gap is not None:
            assert self._source is not None
            return self._gaps.handle(unit, batch, self._source)
        if unit.failure is not None and len(batch.records) == 1 and self._retries.may_put_aside(unit.failure):
            return [self._handler.put_aside(unit, batch, unit.failure.reason)]
        return await self._handler.handle(unit, batch, spans)

    # --- behind: from confirmed outputs to state and commit

    async def _finish_all_but(self, max_in_flight: int) -> None:
        """Finish batches until at most so many are in flight, and those that are confirmed anyway."""
        await asyncio.sleep(0)
        async with self._ownership_lock:
            await self._writer.finish(max_in_flight)

    def _commit_soon(self) -> None:
        if self._source is not None and self._commits:
            lags = self._consumer_lags(self._source)
            for topic in self._lagging - lags.keys():
                self._metrics.remove_consumer_lag(topic)
            for topic, records in lags.items():
                self._metrics.set_consumer_lag(topic, records)
            self._lagging = set(lags)
            self._commits.commit_soon(self._source)

    def _consumer_lags(self, source: Source) -> Mapping[str, int]:
        lags: Counter[str] = Counter()
        for (topic, partition), end in source.end_offsets().items():
            unit = self._units.of(topic, partition)
            if unit is not None:
                lags[topic] += max(0, end - (unit.positions or {}).get(topic, end))
        return lags


def _count(batch: FetchedBatch) -> int:
    """The records of a batch; a gap counts as one, for there may be records behind it."""
    return len(batch.records) + (batch.gap is not None)


def _holds(batch: FetchedBatch, position: int | None) -> bool:
    """Whether a batch holds the record at a position, or those just before it."""
    first = batch.records[0].offset if batch.records else batch.position
    return position is not None and first <= position <= batch.position
