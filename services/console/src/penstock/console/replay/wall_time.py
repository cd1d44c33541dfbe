"""Replay on wall time: rows at a given rate, labels when they are due, models as stale as they really are."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from penstock.console.replay.feed import Feed, Row, chunks
from penstock.console.replay.live_deployment import LiveDeployment
from penstock.console.replay.report import Truths
from penstock.console.replay.stream_time import Sent

LARGEST_SEND = 1000
SENDS_PER_SECOND = 20


async def replay_at(
    feed: Feed, deployment: LiveDeployment, delay: int, rate: float | None, progress: Callable[[Sent], None]
) -> Sent:
    """Send the rows at `rate` a second (None: as fast as they are taken).

    A label is due `delay` rows after its row, and is sent once its row's prediction or rejection is on the log.
    """
    sent = Sent(Truths())
    waiting: deque[Row] = deque()
    size = LARGEST_SEND if rate is None else max(1, min(LARGEST_SEND, round(rate / SENDS_PER_SECOND)))
    started = time.monotonic()
    now: datetime | None = None
    for chunk in chunks(feed.rows(), size):
        if rate is not None:
            await asyncio.sleep(max(0.0, started + sent.events / rate - time.monotonic()))
        now = max(row.time for row in chunk) if now is None else max(now, *(row.time for row in chunk))
        sent.refused += await deployment.send("event", [row.event for row in chunk], now)
        sent.note(chunk)
        waiting.extend(row for row in chunk if row.truth is not None)
        await deployment.watch.look()
        await _send_due(feed, deployment, sent, waiting, chunk[-1].number + 1 - delay, now)
        progress(sent)
    if now is not None:
        await deployment.answered([row.id for row in waiting])
        await _send_due(feed, deployment, sent, waiting, sent.events, now)
        await deployment.quiet()
    return sent


async def _send_due(
    feed: Feed, deployment: LiveDeployment, sent: Sent, waiting: deque[Row], until: int, now: datetime
) -> None:
    while waiting and waiting[0].number < until:
        due: list[Row] = []
        while waiting and waiting[0].number < until and len(due) < LARGEST_SEND:
            if deployment.watch.unanswered([waiting[0].id]):
                break
            due.append(waiting.popleft())
        if not due:
            return
        refused = await deployment.send("label", [feed.label_of(row, now) for row in due], now)
        sent.labels += len(due) - refused


def staleness(deployment: LiveDeployment, sent: Sent) -> dict[str, Any]:
    """How many rows passed between the record that caused each new model and its first answer."""
    first: dict[int, int] = {}
    for record_id, (_, epoch) in deployment.watch.answers.items():
        row = sent.truths.rows.get(record_id)
        if row is not None:
            first[epoch] = min(row, first.get(epoch, row))
    waits = [
        first[epoch.epoch] - until
        for epoch in deployment.watch.epochs.values()
        if (until := _data_end(deployment, epoch.champion.run)) is not None and epoch.epoch in first
    ]
    return {"models": len(waits), "median_rows": median(waits) if waits else None, "max_rows": max(waits, default=None)}


def _data_end(deployment: LiveDeployment, request: str | None) -> int | None:
    ends: Sequence[int] = [run.until for run in deployment.watch.runs.values() if run.request == request]
    return max(ends, default=None)
