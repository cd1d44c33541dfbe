"""Replay on wall time: rows at a given rate, labels when they are due, models as stale as they really are."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from typing import Any

from penstock.console.replay.report.epoch_lines import first_rows_by_epoch
from penstock.console.replay.rows.labelled_rows import Row, chunks
from penstock.console.replay.rows.newest_time import newest_time
from penstock.console.replay.rows.row_labels import RowLabels
from penstock.console.replay.stream_time import ReplayProgress, ReplaySender
from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.contracts.input_bounds import EARLIEST_TIME

LARGEST_REQUEST = 1000  # records
REQUESTS_PER_SECOND = 20


async def replay_in_wall_time(
    sender: ReplaySender, watch: StreamWatch, delay: int, rate: float | None, progress: Callable[[ReplayProgress], None]
) -> ReplayProgress:
    """Send the rows at a rate.

    Args:
        sender: of the rows.
        watch: follows their stream.
        delay: in rows. A label is sent once the row `delay` rows later was sent, and the prediction or rejection of
            its own row is on the log.
        rate: rows a second; None: as fast as ingestion takes them.
        progress: called after each request.
    """
    counts, unlabelled = sender.counts, deque[Row]()
    size = LARGEST_REQUEST if rate is None else max(1, min(LARGEST_REQUEST, round(rate / REQUESTS_PER_SECOND)))
    started = time.monotonic()
    now = EARLIEST_TIME
    for chunk in chunks(sender.source.rows(), size):
        if rate is not None:
            await asyncio.sleep(max(0.0, started + counts.sent / rate - time.monotonic()))
        now = newest_time(chunk, now, datetime.now(UTC))
        unlabelled.extend(await sender.send_events(chunk, now))
        await watch.poll()
        await _send_due_labels(sender, watch, unlabelled, chunk[-1].number + 1 - delay, now)
        progress(counts)
    await sender.deployment.await_answers([row.id for row in unlabelled])
    while unlabelled:
        await sender.send_labels([unlabelled.popleft() for _ in range(min(LARGEST_REQUEST, len(unlabelled)))], now)
    await sender.deployment.await_quiet()
    return counts


async def _send_due_labels(
    sender: ReplaySender, watch: StreamWatch, unlabelled: deque[Row], before: int, now: datetime
) -> None:
    """Send the labels of the rows before number `before`, up to the first without an answer."""
    while rows := _take_answered(unlabelled, before, watch):
        await sender.send_labels(rows, now)


def _take_answered(unlabelled: deque[Row], before: int, watch: StreamWatch) -> list[Row]:
    """The rows before number `before` that have an answer, taken from the queue for one request."""
    rows: list[Row] = []
    while unlabelled and unlabelled[0].number < before and len(rows) < LARGEST_REQUEST:
        if watch.unanswered([unlabelled[0].id]):
            break
        rows.append(unlabelled.popleft())
    return rows


def staleness(watch: StreamWatch, rows: RowLabels) -> dict[str, Any]:
    """How many rows passed between the end of each new model's training data and its first prediction."""
    first_rows = first_rows_by_epoch(watch, rows)
    waits = [
        first_rows[epoch.epoch] - data_end
        for epoch in watch.epochs.values()
        if (data_end := _data_end(watch, epoch.champion.run)) is not None and epoch.epoch in first_rows
    ]
    return {"models": len(waits), "median_rows": median(waits) if waits else None, "max_rows": max(waits, default=None)}


def _data_end(watch: StreamWatch, request: str | None) -> int | None:
    return max((run.until for run in watch.training_runs.values() if run.request == request), default=None)
