"""A case of the fault matrix, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from tests.faults.live.trial import Trial

Layer = Literal["real processes", "real broker", "real network", "real disk", "real database"]

Inflict = Callable[["Trial"], Awaitable[None]]
"""Has a fault, and returns once it is over."""

LIMITS_S: Mapping[str, float] = {"ingestion": 5, "server": 15, "trainer": 60, "broker": 30}
"""P8: how long it may take until what was killed works again. Of other services nothing is promised."""


@dataclass(frozen=True)
class Case:
    """A fault that is tried on a stream of its own.

    Attributes:
        row: the row of the table that it belongs to.
        inflict: has the fault, and returns once it is over.
        hurt: what is hurt by it, a service or the broker.
        is_judged_by_time: whether P8 says how soon it must work again.
        trains: whether a model is trained and comes into service meanwhile.
        asks: whether the server is asked for predictions over HTTP meanwhile.
        on_small_disks: whether the folders that can be full are disks of their own.
        is_alone: whether no other fault may be on meanwhile, which would delay it, or which it would hide.
        pause_s: of each sender between two events.
    """

    row: str
    name: str
    layer: Layer
    inflict: Inflict
    hurt: str
    is_judged_by_time: bool = True
    trains: bool = True
    asks: bool = False
    on_small_disks: bool = False
    is_alone: bool = False
    pause_s: float = 0.2

    @property
    def key(self) -> str:
        """Its name among all cases."""
        return f"{self.row}: {self.name}"


class Result(BaseModel):
    """What came of a case.

    Attributes:
        violations: by invariant what was violated.
        failure: why it could not be tried, or did not come to its end.
        recovery_s: from the end of the fault until what was hurt had done all that there was to do at its end.
        limit_s: how long that may take; None: nothing is promised.
        rest_s: from there until nothing was left to do for any service.
        beside: the cases that were tried at the same time, each on another stream and another service.
        load: of the machine, over the last minute: with more than its cores, whatever starts has to wait.
        counts: what was sent and seen.
    """

    row: str
    name: str
    layer: Layer
    hurt: str
    violations: dict[str, list[str]] = Field(default_factory=dict)
    failure: str = ""
    recovery_s: float | None = None
    limit_s: float | None = None
    rest_s: float | None = None
    beside: list[str] = Field(default_factory=list)
    load: float = 0.0
    counts: dict[str, int] = Field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether it was tried, and no invariant was violated."""
        return not self.failure and not self.violations

    @property
    def is_late(self) -> bool:
        """Whether the recovery took longer than promised."""
        return self.recovery_s is not None and self.limit_s is not None and self.recovery_s > self.limit_s
