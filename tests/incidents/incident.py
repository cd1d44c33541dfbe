"""An incident: how it is staged, where it must show, and what clears it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from penstock.contracts.alert_kinds import AlertKind, runbook_of
from tests.staging.stage import Stage

UP = "up"  # as Prometheus calls it: whether the page of metrics is answered


async def nothing_to_do(_: Stage) -> None:
    """What was to be done is done, or the platform does it by itself."""


@dataclass(frozen=True)
class Metric:
    """A series on the page of a service, and how it shows the incident, from its value before and its value now."""

    service: str
    name: str
    shows: Callable[[float, float], bool]
    labels: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """As it is asked for, and of which service."""
        labels = ", ".join(f'{name}="{value}"' for name, value in self.labels.items())
        return f"{self.name}{f'{{{labels}}}' if labels else ''} of {self.service}"


def rises(before: float, now: float) -> bool:
    """The value is above what it was."""
    return now > before


def is_down(_: float, now: float) -> bool:
    """The value is 0."""
    return now == 0


@dataclass(frozen=True)
class Incident:
    """One incident.

    `staged` brings it about in its block, which begins when its `evidence` is there: nothing more has to happen for it
    to be known. What remains of the cause ends with the block; `clear` is what the runbook says to do then.
    `status` is a pattern of the problem or warning that `penstock status` must show, and `about` a part of the alert's
    key. `never_resolved` says why no alert tells that it is over, where none does within minutes.
    """

    name: str
    what: str
    evidence: str
    kind: AlertKind
    about: str
    status: str
    metric: Metric
    staged: Callable[[Stage], AbstractAsyncContextManager[None]]
    runbook_says: str
    clear: Callable[[Stage], Awaitable[None]] = nothing_to_do
    prepare: Callable[[Stage], Awaitable[None]] = nothing_to_do
    note: str = ""
    never_resolved: str = ""
    clear_limit_s: float = 120.0

    @property
    def runbook(self) -> str:
        """The page that the alert names."""
        page = runbook_of(self.kind)
        assert page is not None
        return page
