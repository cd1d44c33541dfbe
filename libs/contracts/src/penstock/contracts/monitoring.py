"""Monitoring: quality over a block of outcomes, drift that was noticed, and alerts for people."""

from __future__ import annotations

from typing import ClassVar, Literal

from penstock.contracts.control import ControlRecord, Instant


class Statistics(ControlRecord):
    """Quality over the outcomes at offsets `[start, stop)`: a fixed block, so repeated work says the same.

    `score` is accuracy or mean absolute error over the block's `joined` outcomes, None when none was joined;
    `coverage` is the share that was joined. `version` and `epoch` are of the newest prediction in the block.
    """

    type: ClassVar[str] = "penstock.statistics.v1"

    stream: str
    start: int
    stop: int
    joined: int
    expired: int
    metric: Literal["accuracy", "mae"]
    score: float | None
    coverage: float
    version: int
    epoch: int
    first_time: Instant
    last_time: Instant


class Drift(ControlRecord):
    """A detector tipped. `outcomes` is how many outcomes the stream had by then: where a dataset would end.

    `event_source` and `event_id` name the record that tipped it; `status` is `confirmed` when the loss itself rose.
    """

    type: ClassVar[str] = "penstock.drift.v1"

    stream: str
    kind: Literal["concept", "prediction", "feature"]
    detector: str
    field: str | None = None
    statistic: float
    threshold: float
    status: Literal["suspected", "confirmed"]
    outcomes: int
    event_source: str
    event_id: str
    epoch: int


class Alert(ControlRecord):
    """Something a person may want to act on."""

    type: ClassVar[str] = "penstock.alert.v1"

    severity: Literal["info", "warning", "critical"]
    subject: str
    message: str
    stream: str | None = None
