"""Which version a rollback returns to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.registry.command_context import Provenance
from penstock.registry.control_records import Installation, model_epoch
from penstock.registry.rollback import rollback_target

PROVENANCE = Provenance("ann", datetime(2024, 1, 1, tzinfo=UTC))


def epochs(*served: tuple[int, str]) -> list[ModelEpoch]:
    return [
        model_epoch(number, Installation(model(version), reason), PROVENANCE)
        for number, (version, reason) in enumerate(served)
    ]


def model(version: int) -> ModelVersion:
    return ModelVersion(name="loans", version=version, family="linear", digest="d", envelope={}, schema_version=1)


PROMOTION = "promotion"
BASELINE = (0, "baseline")


@pytest.mark.parametrize(
    ("served", "target"),
    [
        ([BASELINE], None),
        ([BASELINE, (1, PROMOTION)], 0),
        ([BASELINE, (1, PROMOTION), (3, PROMOTION)], 1),
        ([BASELINE, (1, PROMOTION), (3, PROMOTION), (1, "rollback")], 0),
        ([BASELINE, (1, PROMOTION), (3, PROMOTION), (1, "rollback"), (0, "rollback")], None),
        ([BASELINE, (1, PROMOTION), (3, PROMOTION), (1, "rollback"), (4, PROMOTION)], 1),
        ([BASELINE, (1, PROMOTION), (3, PROMOTION), (1, "command")], 3),
    ],
)
def test_a_rollback_returns_to_the_model_before(served: list[tuple[int, str]], target: int | None) -> None:
    assert rollback_target(epochs(*served)) == target


def test_archived_models_are_passed_over() -> None:
    assert rollback_target(epochs(BASELINE, (1, PROMOTION), (2, PROMOTION)), archived={1}) == 0


@given(st.lists(st.integers(1, 5), max_size=8))
def test_rolling_back_ends_at_the_baseline(promoted: list[int]) -> None:
    served = [BASELINE, *((version, "command") for version in promoted)]
    for _ in range(20):
        target = rollback_target(epochs(*served))
        if target is None:
            break
        served.append((target, "rollback"))
    assert served[-1][0] == 0
