"""What producers send to a stream of one number and a label."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from tests.staging.stage import Stage

START = datetime(2026, 1, 5, tzinfo=UTC)
BATCH = 20


def events(first: int, count: int) -> list[dict[str, Any]]:
    """Events of numbers, a minute and a half apart."""
    x = np.random.default_rng(first).normal(size=count)
    return [
        {"id": f"e{number}", "time": (START + number * timedelta(seconds=90)).isoformat(), "data": {"x": float(value)}}
        for number, value in zip(range(first, first + count), x, strict=True)
    ]


async def send_labelled(
    stage: Stage,
    stream: str,
    first: int,
    count: int,
    *,
    turned: bool = False,
    shift: float = 0.0,
    pause_s: float = 1.0,
) -> None:
    """Events whose label follows the sign of their number, most of the time; turned, the opposite.

    `shift` is added to the number that is sent, as by a sensor that was moved: the label knows nothing of it.
    """
    for start in range(first, first + count, BATCH):
        sent = events(start, BATCH)
        shifted = [{**event, "data": {"x": event["data"]["x"] + shift}} for event in sent]
        await stage.send(stream, "events", shifted)
        noise = np.random.default_rng(start + 1).normal(0, 0.3, len(sent))
        positive = [(event["data"]["x"] + error > 0) != turned for event, error in zip(sent, noise, strict=True)]
        labels = [
            {"event_id": event["id"], "time": event["time"], "value": "yes" if is_positive else "no"}
            for event, is_positive in zip(sent, positive, strict=True)
        ]
        await stage.send(stream, "labels", labels)
        await asyncio.sleep(pause_s)
