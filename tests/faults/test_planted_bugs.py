"""The simulation finds bugs: each is planted in one part, and some seed shows it by the invariant named."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

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
SOURCES = Path(__file__).parents[2]

DAMAGED = {"damage": 10, "crash": 2}
TRAINED = {"label": 4, "train": 4, "promote": 8}
PLANTED: list[tuple[Patch, str, Mapping[str, int]]] = [
    (writing.commit_before_produce, "I1", {}),
    (writing.auto_commit, "I1", {}),
    (writing.acknowledge_before_durable, "I1", {}),
    (writing.swallowed_send_error, "I1", {}),
    (writing.dedupe_per_process, "I2", {}),
    (writing.dead_letter_not_awaited, "I9", {}),
    (models.promote_without_compare_and_set, "I5", TRAINED),
    (models.swap_in_two_steps, "I4", TRAINED),
    (models.verify_after_load, "I4", DAMAGED),
]


@pytest.mark.parametrize(("bug", "invariant", "times"), PLANTED)
async def test_a_planted_bug_is_found_by_its_invariant(bug: Patch, invariant: str, times: Mapping[str, int]) -> None:
    await _find(bug, invariant, times)


async def test_a_window_that_forgets_time_zones_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def naive(time: datetime) -> int:
        return to_microseconds(time.replace(tzinfo=UTC))

    monkeypatch.setattr(partition_join, "to_microseconds", naive)
    await _find(no_bug, "I1", {})


async def test_a_checker_that_ignores_unknown_outcomes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def ignoring(ledger: Ledger) -> dict[str, list[str]]:
        known = tuple(operation for operation in ledger.operations if operation.answer != "info")
        return violations(replace(ledger, operations=known))

    monkeypatch.setattr(simulation, "violations", ignoring)
    await _find(no_bug, "I1", {})


def test_a_secret_that_is_compared_with_equals_is_found() -> None:
    planted = inspect.getsource(seal).replace(
        'hmac.compare_digest(self.mac(data).encode(), mac.encode("utf-8", "surrogatepass"))', "self.mac(data) == mac"
    )
    assert compared_secrets(planted)
    sources = [path for folder in ("libs", "services") for path in (SOURCES / folder).glob("*/src/**/*.py")]
    assert {str(path): lines for path in sources if (lines := compared_secrets(path.read_text()))} == {}


async def _find(bug: Callable[[Any], None], invariant: str, times: Mapping[str, int]) -> None:
    found: dict[str, list[str]] = {}
    for seed in range(SEEDS):
        found |= (await run_plan(seed, plan(seed, times), bug)).violations
        if invariant in found:
            return
    pytest.fail(f"it was not found by {invariant}; found {sorted(found)}")
