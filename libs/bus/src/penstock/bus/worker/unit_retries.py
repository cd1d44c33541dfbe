"""Units that failed: held back alone, tried again in slices, and suspended or resumed where that does not help."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from penstock.bus.alert_writer import AlertWriter
from penstock.bus.errors import TooManyDeadLetters
from penstock.bus.ports import FetchedBatch, Source, TopicPartition
from penstock.bus.routes import Group
from penstock.bus.worker.assigned_units import AssignedUnit, AssignedUnits
from penstock.bus.worker.unit_alerts import RESUMED_UNIT, SUSPENDED_UNIT, suspension_alert
from penstock.bus.worker.unit_failure import (
    UnitFailure,
    failure_after,
    failure_after_success,
    is_systemic,
    resumption_of,
    suspension_after,
)
from penstock.telemetry.metrics import Metrics

NEW_VERSION_S = 60.0  # seconds after a new version's first start in which two units that fail alike show its fault

log = logging.getLogger(__name__)


class UnitRetries:
    """The failing units of one member.

    A unit that fails is paused, so that the others go on. What was fetched of it is tried again in ever smaller slices,
    from the state before them, until the one record is found that fails alone.
    """

    def __init__(
        self, group: Group, units: AssignedUnits, alerts: AlertWriter, metrics: Metrics, *, is_new_version: bool
    ) -> None:
        self._group = group.name
        self._is_stateful = group.stateful
        self._units = units
        self._metrics = metrics
        self._clock: Callable[[], float] = time.monotonic
        self._new_until = self._clock() + NEW_VERSION_S if is_new_version else 0.0
        self._failing: set[AssignedUnit] = set()
        self._paused: set[TopicPartition] = set()
        self._last_error: Exception | None = None
        self._alerts = alerts

    def fail(self, unit: AssignedUnit, batches: Sequence[FetchedBatch], error: Exception) -> None:
        """Hold a unit back that failed at these batches; those that were not there yet are kept for another try.

        Raises:
            Exception: `error`, if it shows that the service is at fault rather than the records.
        """
        before, now = unit.failure, self._clock()
        self._last_error = error
        if before is None:
            self._failing.add(unit)
            unit.failing_since = datetime.now(UTC)
            if unit.positions is not None or not self._is_stateful:
                unit.pending.extend(batches)  # else its state tells, once it is open, where to read from
        records = sum(len(batch.records) for batch in batches)
        if isinstance(error, TooManyDeadLetters) or (before is not None and before.is_suspended):
            unit.failure = suspension_after(before, str(error), now)
            if before is None or not before.is_suspended:
                self._tell(unit, SUSPENDED_UNIT, f"is suspended: {error}; resume it once that is mended")
        else:
            unit.failure = failure_after(before, error, records, now, unit.last_pause)
            unit.last_pause = unit.failure.pause
            self._raise_if_systemic(error)
        if unit.failure.retry_at <= now and before is not None:
            self._count()
            return  # a smaller slice is tried at once
        log.warning(
            "%s, unit %s: %s; tried again in %.1f s",
            self._group,
            unit.unit,
            unit.failure.reason,
            unit.failure.retry_at - now,
            exc_info=error if unit.failure.cause and before is None else None,
        )
        self._count()

    def _raise_if_systemic(self, error: Exception) -> None:
        failing = [(unit.unit, unit.failure.cause) for unit in self._failing if unit.failure is not None]
        units = [unit.unit for unit in self._units]
        if is_systemic(failing, units, is_new_version=self._clock() < self._new_until):
            raise error

    def may_put_aside(self, failure: UnitFailure) -> bool:
        """Whether the record that failed is to become a dead letter: not while a new version may be at fault."""
        return failure.is_poison and self._clock() >= self._new_until

    def due(self) -> list[AssignedUnit]:
        """The units to try again now."""
        now = self._clock()
        return [unit for unit in self._failing if unit.is_due(now)] if self._failing else []

    def wait(self, longest: float) -> float:
        """Seconds until a unit is to be tried again, at most `longest`."""
        if not self._failing:
            return longest
        now = self._clock()
        times = [unit.failure.retry_at - now for unit in self._failing if unit.failure and unit.is_paused(now)]
        return max(0.0, min([longest, *times]))

    def next_slice(self, unit: AssignedUnit) -> list[FetchedBatch]:
        """What is to be tried next of a unit; nothing of one that is to be opened first."""
        size = unit.failure.slice_size if unit.failure is not None else 1
        return [_first(unit.pending[0], size)] if unit.pending else []

    def succeed(self, unit: AssignedUnit, batches: Sequence[FetchedBatch]) -> None:
        """A slice went well: it is taken off, and the next one is larger."""
        assert unit.failure is not None
        for batch in batches:
            if not unit.pending:
                break  # its state turned out to stand elsewhere: what was fetched was dropped
            rest = unit.pending[0].records[len(batch.records) :]
            if rest:
                unit.pending[0] = replace(unit.pending[0], records=rest)
            else:
                unit.pending.popleft()
        if unit.failure.is_suspended:
            unit.dead_letter_limit.clear()
            self._tell(unit, RESUMED_UNIT, "goes on")
        unit.failure = failure_after_success(unit.failure, self._clock()) if unit.pending else None
        if unit.failure is None:
            self._failing.discard(unit)
        self._count()

    def resume(self, stream: str | None, partition: int | None) -> list[AssignedUnit]:
        """Try the failing units of a stream again at once, and let its records become dead letters; those units."""
        resumed = [
            unit
            for unit in self._failing
            if unit.unit.stream == stream and partition in (None, unit.unit.partition) and unit.failure is not None
        ]
        for unit in resumed:
            assert unit.failure is not None
            if unit.failure.is_suspended:
                self._tell(unit, RESUMED_UNIT, "was resumed")
            unit.dead_letter_limit.lift()
            unit.failure = resumption_of(unit.failure, self._clock())
        self._count()
        return resumed

    def pause(self, source: Source) -> None:
        """Have the topic partitions of failing units fetched no further, and the others' again."""
        if not self._failing and not self._paused:
            return
        now = self._clock()
        paused = {key for unit in self._failing if unit.is_paused(now) for key in unit.topic_partitions}
        source.resume(self._paused - paused)
        source.pause(paused - self._paused)
        self._paused = paused

    def reassign(self) -> None:
        """After a rebalance: nothing is paused, and units that went elsewhere fail no more here."""
        self._paused = set()
        self._failing = {unit for unit in self._units if unit.failure is not None}
        self._count()

    def raise_error(self) -> None:
        """Raise the last error of the units that are held back, if any is."""
        if self._failing and self._last_error is not None:
            raise self._last_error

    def reasons(self) -> dict[str, str]:
        """Why each unit is held back, since when, and when it is tried again."""
        now = self._clock()
        return {str(unit.unit): _text(unit.failure, unit.failing_since, now) for unit in self._failing if unit.failure}

    def _tell(self, unit: AssignedUnit, subject: str, message: str) -> None:
        self._alerts.add(suspension_alert(self._group, unit.unit, subject, message))

    def _count(self) -> None:
        suspended = sum(unit.failure is not None and unit.failure.is_suspended for unit in self._failing)
        self._metrics.set_failing_units(self._group, len(self._failing) - suspended, suspended)


def _first(batch: FetchedBatch, records: int) -> FetchedBatch:
    if len(batch.records) <= records:
        return batch
    return replace(batch, records=batch.records[:records], position=batch.records[records - 1].offset + 1)


def _text(failure: UnitFailure, since: datetime, now: float) -> str:
    state = "suspended" if failure.is_suspended else "failing"
    pause = max(0.0, failure.retry_at - now)
    return f"{state} since {since:%Y-%m-%dT%H:%M:%SZ}, tried again in {pause:.0f} s: {failure.reason}"
