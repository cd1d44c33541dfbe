"""The planted bugs, each with the invariant that must find it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from penstock.artifacts import seal
from penstock.drift_detector.event_time import to_microseconds
from penstock.drift_detector.join import partition_join
from tests.faults import simulation
from tests.faults.checker.invariants import violations
from tests.faults.checker.ledger import Ledger
from tests.faults.deployment import Patch, no_bug
from tests.faults.planted import models, writing
from tests.faults.planted.secrets import compared_secrets
from tests.faults.simulation import plan, run_plan

SEEDS = 12

_DAMAGED = {"damage": 10, "crash": 2}
_TRAINED = {"label": 4, "train": 4, "promote": 8}


@contextmanager
def _replaced(module: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def _naive_window() -> AbstractContextManager[None]:
    def naive(time: datetime) -> int:
        return to_microseconds(time.replace(tzinfo=UTC))

    return _replaced(partition_join, "to_microseconds", naive)


def _unknown_ignored() -> AbstractContextManager[None]:
    def ignoring(ledger: Ledger) -> dict[str, list[str]]:
        known = tuple(operation for operation in ledger.operations if operation.answer != "info")
        return violations(replace(ledger, operations=known))

    return _replaced(simulation, "violations", ignoring)


@dataclass(frozen=True)
class PlantedBug:
    """A bug: `patch` puts it into a part, `planted` into a module; `times` makes kinds of steps come more often."""

    name: str
    invariant: str
    patch: Patch = no_bug
    planted: Callable[[], AbstractContextManager[None]] = nullcontext
    times: Mapping[str, int] = field(default_factory=dict)

    async def finding_seed(self) -> int | None:
        """The first seed whose run is found to violate the invariant; None: none of the first ones is."""
        for seed in range(SEEDS):
            with self.planted():
                found = (await run_plan(seed, plan(seed, self.times), self.patch)).violations
            if self.invariant in found:
                return seed
        return None


BUGS = (
    PlantedBug("commit before produce", "I1", writing.commit_before_produce),
    PlantedBug("ack before durable", "I1", writing.acknowledge_before_durable),
    PlantedBug("a send future's error swallowed", "I1", writing.swallowed_send_error),
    PlantedBug("auto-commit on", "I1", writing.auto_commit),
    PlantedBug("promote without compare-and-set", "I5", models.promote_without_compare_and_set, times=_TRAINED),
    PlantedBug("dead letter not awaited", "I9", writing.dead_letter_not_awaited),
    PlantedBug("swap not atomic", "I4", models.swap_in_two_steps, times=_TRAINED),
    PlantedBug("dedupe per process only", "I2", writing.dedupe_per_process),
    PlantedBug("verify after load", "I4", models.verify_after_load, times=_DAMAGED),
    PlantedBug("time-zone-naive window", "I1", planted=_naive_window),
    PlantedBug("unknown outcomes ignored by the checker", "I1", planted=_unknown_ignored),
)

SECRET = "token compared with =="
"""The twelfth, which no output shows: the source does."""


def is_secret_bug_found() -> bool:
    """Whether the source of the seals, with the bug planted, is found to compare a secret with ==."""
    planted = inspect.getsource(seal).replace(
        'hmac.compare_digest(self.mac(data).encode(), mac.encode("utf-8", "surrogatepass"))', "self.mac(data) == mac"
    )
    return bool(compared_secrets(planted))
