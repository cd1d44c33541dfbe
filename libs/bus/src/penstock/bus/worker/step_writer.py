"""Steps whose outputs are being written: state, and then commits, follow once the log has confirmed them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.ports import Log, RecordBatch
from penstock.bus.publisher import Publisher
from penstock.bus.worker.assigned_units import AssignedUnit, AssignedUnits
from penstock.bus.worker.group_commits import GroupCommits
from penstock.bus.worker.step import HandledUnit, Step
from penstock.bus.worker.unit_retries import UnitRetries
from penstock.telemetry.metrics import Metrics

TOPICS_AFTER = 5.0  # seconds without a confirmation after which it is asked whether the topics exist


class StepWriter:
    """Writes steps in their order, several at a time; each is finished after those before it."""

    def __init__(
        self,
        log: Log,
        publisher: Publisher,
        units: AssignedUnits,
        retries: UnitRetries,
        commits: GroupCommits,
        metrics: Metrics,
    ) -> None:
        self._log = log
        self._publisher = publisher
        self._units = units
        self._retries = retries
        self._commits = commits
        self._metrics = metrics
        self._in_flight: deque[tuple[Step, asyncio.Task[None]]] = deque()

    def __bool__(self) -> bool:
        """Whether a step is in flight."""
        return bool(self._in_flight)

    def send(self, step: Step) -> None:
        """Begin to write the outputs of a step."""
        if step.units:
            self._in_flight.append((step, asyncio.create_task(self._write(step.outputs()))))

    async def _write(self, outputs: Sequence[RecordBatch]) -> None:
        await (await self._publisher.send(outputs))
        for batch in outputs:
            self._metrics.count_produced(batch.topic, len(batch.values))

    async def wait(self, seconds: float) -> None:
        """Wait until the outputs of all steps are confirmed, at most so many seconds."""
        if self._in_flight:
            await asyncio.wait([writing for _, writing in self._in_flight], timeout=seconds)

    async def finish(self, max_in_flight: int) -> None:
        """Finish steps until at most so many are in flight, and those that are confirmed anyway.

        Raises:
            BrokerUnavailable: the log did not confirm one.
        """
        while len(self._in_flight) > max_in_flight:
            await self._finish_first()
        await self.finish_confirmed()

    async def finish_confirmed(self) -> None:
        """Finish the first steps as far as they are confirmed."""
        while self._in_flight and self._in_flight[0][1].done():
            await self._finish_first()

    async def cancel(self) -> None:
        """Give up what is being written. The units are closed next, so that nobody counts on its confirmation."""
        writings = [writing for _, writing in self._in_flight]
        self._in_flight.clear()
        for writing in writings:
            writing.cancel()
        await asyncio.gather(*writings, return_exceptions=True)

    async def _finish_first(self) -> None:
        step, writing = self._in_flight[0]
        with step.spans:
            await self._await_confirmation(step, writing)
        self._in_flight.popleft()
        for handled in step.units:
            self._finish_unit(handled)

    async def _await_confirmation(self, step: Step, writing: asyncio.Task[None]) -> None:
        """Wait until the log has confirmed a step; a stop ends the wait, not the write: `wait` sees its end.

        Raises:
            BrokerUnavailable: it did not, or cannot for want of a topic: the client would wait for that for ever.
        """
        while not writing.done():
            await asyncio.wait({writing}, timeout=TOPICS_AFTER)
            if not writing.done():
                await self._raise_if_topics_are_missing(step)
        if writing.cancelled():  # not by us: nobody else may end the worker
            raise BrokerUnavailable("a write was given up")
        if isinstance(writing.exception(), BrokerUnavailable):
            await self._raise_if_topics_are_missing(step)
        writing.result()

    async def _raise_if_topics_are_missing(self, step: Step) -> None:
        """Hold back the units that write to a topic which does not exist, for the session to go on without them."""
        topics = {batch.topic for batch in step.outputs()}
        missing = topics - await self._log.existing(topics)
        for handled in step.units:
            wanting = sorted(missing & {batch.topic for batch in handled.outputs})
            if wanting:
                self._fail(handled.unit, BrokerUnavailable(f"there is no topic {', '.join(wanting)}"))
        if missing:
            raise BrokerUnavailable(f"there is no topic {', '.join(sorted(missing))}")

    def _finish_unit(self, handled: HandledUnit) -> None:
        handled.unit.in_flight -= 1
        if handled.was_reset():
            return
        try:
            handled.write()
        except Exception as error:
            self._fail(handled.unit, error)
        else:
            self._commits.add(handled.done)
            handled.unit.last_pause = 0.0

    def _fail(self, unit: AssignedUnit, error: Exception) -> None:
        """Hold back a unit that failed in writing: it goes on from what was written before."""
        self._units.reset(unit)
        self._retries.fail(unit, (), error)
