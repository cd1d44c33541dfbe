"""Incidents of records: what cannot be read, what is refused, and what does not come."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from penstock.contracts.alert_kinds import AlertKind
from tests.incidents.incident import Incident, Metric, rises
from tests.staging.stage import Stage
from tests.staging.traffic import events, send_labelled

WINDOW = 300  # outcomes, by which the share of labels is judged
EXPIRED = {"stream": "unlabelled", "result": "expired"}
AHEAD = timedelta(hours=3)


async def declare(stage: Stage, name: str) -> None:
    """Declare a stream, and send it what is right."""
    await stage.declare(name)
    await stage.send(name, "events", events(0, 50))


# --- what cannot be read


async def declare_poisoned(stage: Stage) -> None:
    """A stream that works."""
    await declare(stage, "poisoned")


@asynccontextmanager
async def poison_records(stage: Stage) -> AsyncIterator[None]:
    """A producer writes five records to `received` that are no JSON."""
    await stage.write(stage.topic("poisoned", "received"), [b"\xff\x00 no JSON"] * 5)
    yield


async def drop_poisoned(stage: Stage) -> None:
    """What the runbook says of records that nobody can mend."""
    await stage.repair("dead-letters", "drop", "poisoned", "--where", "topic=received", "--reason", "no JSON")


async def declare_suspended(stage: Stage) -> None:
    """A stream that works."""
    await declare(stage, "suspended")


@asynccontextmanager
async def one_stream_suspended(stage: Stage) -> AsyncIterator[None]:
    """A stranger writes more to `predictions` than may become dead letters."""
    await stage.write(stage.topic("suspended", "predictions"), [b"no prediction"] * 300)
    yield


async def resume_suspended(stage: Stage) -> None:
    """What the runbook says once the stranger has stopped."""
    await stage.repair("unit", "resume", "suspended")


# --- what is refused


async def declare_ahead(stage: Stage) -> None:
    """A stream that works."""
    await declare(stage, "ahead")


@asynccontextmanager
async def clock_jumped(stage: Stage) -> AsyncIterator[None]:
    """The clock of a producer that writes Kafka itself jumps three hours ahead."""
    time = (datetime.now(UTC) + AHEAD).isoformat()
    envelope = {"specversion": "1.0", "type": "penstock.event.v1", "source": "till", "time": time, "data": {"x": 1.0}}
    values = [json.dumps({**envelope, "id": f"ahead-{number}"}).encode() for number in range(100)]
    await stage.write(stage.topic("ahead", "received"), values)
    yield


async def send_on_time(stage: Stage) -> None:
    """The producer's clock is set, and it goes on."""
    await stage.send("ahead", "events", events(1000, 200))


# --- what does not come


async def declare_unlabelled(stage: Stage) -> None:
    """A stream whose labels came so far."""
    await stage.declare("unlabelled", label={"name": "y", "classes": ["no", "yes"], "horizon": "PT2H"})
    await send_labelled(stage, "unlabelled", 0, WINDOW, pause_s=0.1)


@asynccontextmanager
async def labels_stopped(stage: Stage) -> AsyncIterator[None]:
    """Events come, their labels do not, until the horizon of 300 of them is over."""
    await stage.send("unlabelled", "events", events(WINDOW, WINDOW + 120))
    yield


async def send_labels_again(stage: Stage) -> None:
    """Whoever sends the labels is started again."""
    await send_labelled(stage, "unlabelled", 2 * WINDOW + 120, WINDOW + 200, pause_s=0.1)


INCIDENTS = (
    Incident(
        name="poison-records",
        what="A producer writes five records that are no JSON",
        evidence="the broker has them",
        kind=AlertKind.DEAD_LETTERS,
        about="/poisoned/",
        status="^poisoned: dead-letters",
        metric=Metric("validator", "penstock_records_dead_lettered_total", rises),
        prepare=declare_poisoned,
        staged=poison_records,
        clear=drop_poisoned,
        runbook_says="`penstock dead-letters drop poisoned --where topic=received --reason …`",
        never_resolved="it is over by design once no record has become a dead letter for an hour",
    ),
    Incident(
        name="stream-suspended",
        what="A stranger writes 300 records to one stream's `predictions` that are none",
        evidence="the broker has them",
        kind=AlertKind.UNIT_SUSPENDED,
        about="/suspended/",
        status="suspended since|^suspended: unit-suspended",
        metric=Metric("drift-detector", "penstock_failing_units", rises, {"state": "suspended"}),
        prepare=declare_suspended,
        staged=one_stream_suspended,
        clear=resume_suspended,
        runbook_says="stop the stranger; `penstock unit resume suspended`",
    ),
    Incident(
        name="clock-jumped",
        what="The clock of a producer jumps three hours ahead",
        evidence="the hundredth record from then on: shares are judged by a hundred",
        kind=AlertKind.REJECTED,
        about="/ahead/",
        status="^ahead: rejected",
        metric=Metric("validator", "penstock_rejections_total", rises, {"stream": "ahead", "code": "clock_skew"}),
        prepare=declare_ahead,
        staged=clock_jumped,
        clear=send_on_time,
        runbook_says="set the producer's clock; it is over with the next records",
        note="event times that lie far off; no clock of the platform's own machine is moved",
    ),
    Incident(
        name="labels-stopped",
        what="Events come, their labels do not",
        evidence="the event by which the horizon of the 300th without a label is over: shares are judged by 300",
        kind=AlertKind.COVERAGE,
        about="/unlabelled",
        status="^unlabelled: coverage",
        metric=Metric(
            "drift-detector", "penstock_outcomes_total", rises, {"stream": "unlabelled", "result": "expired"}
        ),
        prepare=declare_unlabelled,
        staged=labels_stopped,
        clear=send_labels_again,
        runbook_says="start who sends labels; it is over with the next 300",
    ),
)
