"""A request for predictions over HTTP, from its events to its result."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from penstock.contracts.checks.event_check import check_events
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import PredictionData
from penstock.contracts.refusals import Refusal
from penstock.runtime.http.micro_batches import PendingRequest
from penstock.runtime.http.problems import Problem
from penstock.server.models.arm import Arm
from penstock.server.scoring.event_order import fill_gaps
from penstock.server.scoring.row_slices import rows_at_a_time


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """The events of one request and its traceparent. A probe is answered alike but never logged."""

    events: Sequence[Event[Any]]
    traceparent: bytes | None = None
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class PredictResult:
    """For each event of a request its prediction, or why it is refused; `arms` are those that answered, by version."""

    events: Sequence[Event[Any]]
    predictions: Sequence[PredictionData | Refusal]
    arms: Mapping[int, Arm]


PendingPredict = PendingRequest[PredictRequest, PredictResult]


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """A pending request with those of its events that are accepted, and the refusals of the others by index."""

    pending: PendingPredict
    accepted: Sequence[Event[Any]]
    refusals: Mapping[int, Refusal]

    def respond(
        self, predictions: Sequence[PredictionData], arms: Mapping[int, Arm], problem: Problem | None = None
    ) -> None:
        """Resolve the pending request with the predictions of its accepted events, or have it fail with a problem."""
        if problem is not None:
            return self.pending.fail(problem)
        events = self.pending.request.events
        results: Sequence[PredictionData | Refusal] = predictions
        if self.refusals:
            results = fill_gaps([self.refusals.get(index) for index in range(len(events))], predictions)
        return self.pending.resolve(PredictResult(events, results, arms))


async def check_requests(
    declaration: Declaration, batch: Sequence[PendingPredict], now: datetime
) -> list[CheckedRequest]:
    """Check the events of many requests together; `now` is when the log would take them in."""
    refusals = await check_in_slices(declaration, [event for pending in batch for event in pending.request.events], now)
    if not refusals:
        return [CheckedRequest(pending, pending.request.events, {}) for pending in batch]
    requests, start = [], 0
    for pending in batch:
        events, end = pending.request.events, start + pending.rows
        refused = {index - start: refusals[index] for index in range(start, end) if index in refusals}
        accepted = [event for index, event in enumerate(events) if index not in refused]
        requests.append(CheckedRequest(pending, accepted, refused))
        start = end
    return requests


async def check_in_slices(
    declaration: Declaration, events: Sequence[Event[Any]], now: datetime
) -> Mapping[int, Refusal]:
    """The refusals among `events`, by index; other requests have their turn in between."""
    most = rows_at_a_time(len(declaration.fields))
    refusals = check_events(declaration, events[:most], now)
    for start in range(most, len(events), most):
        await asyncio.sleep(0)
        refused = check_events(declaration, events[start : start + most], now)
        refusals |= {start + index: refusal for index, refusal in refused.items()}
    return refusals
