"""Whether a stream returns from a champion that falls short, and to which version."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.training import ReturnEvidence
from penstock.registry.command_context import Provenance
from penstock.registry.control_records import Installation, model_epoch
from penstock.registry.return_decision import barred_versions, decide_return

BY_PERSON = Provenance("ann", datetime(2024, 1, 1, tzinfo=UTC))
AUTOMATIC = replace(BY_PERSON, cause="run-1")

Served = tuple[int, str]


def epochs(*served: Served) -> list[ModelEpoch]:
    """Epochs by champion and reason; `returned` is an automatic return."""
    return [
        model_epoch(
            number,
            Installation(model(version), "rollback" if reason == "returned" else reason),
            BY_PERSON if reason in ("rollback", "command") else AUTOMATIC,
        )
        for number, (version, reason) in enumerate(served)
    ]


def model(version: int) -> ModelVersion:
    return ModelVersion(name="loans", version=version, family="linear", digest="d", envelope={}, schema_version=1)


def better(version: int, low: float | None = 0.1) -> ReturnEvidence:
    return ReturnEvidence(version=version, rows=200, gain=0.3, low=low)


BASELINE: Served = (0, "baseline")
FIRST: Served = (1, "promotion")
SECOND: Served = (2, "promotion")


def test_the_version_with_the_highest_bound_is_returned_to() -> None:
    history = epochs(BASELINE, FIRST, SECOND)
    assert decide_return(history, 2, [better(0, 0.1), better(1, 0.2)]) == better(1, 0.2)
    assert decide_return(history, 2, [better(0, 0.3), better(1, 0.2)]) == better(0, 0.3)


@pytest.mark.parametrize("low", [None, 0.0, -0.1])
def test_the_champion_stays_where_nothing_is_shown_to_be_better(low: float | None) -> None:
    assert decide_return(epochs(BASELINE, FIRST), 1, [better(0, low)]) is None
    assert decide_return(epochs(BASELINE, FIRST), 1, []) is None


def test_only_the_champion_of_the_epoch_that_falls_short_is_returned_from() -> None:
    assert decide_return(epochs(BASELINE, FIRST, SECOND), 1, [better(0)]) is None
    assert decide_return(epochs(BASELINE, FIRST, (0, "command"), (1, "command")), 1, [better(0)]) is None
    assert decide_return(epochs(BASELINE, FIRST, (1, "rollout"), (1, "rollout")), 1, [better(0)]) == better(0)
    assert decide_return([], 1, [better(0)]) is None


def test_a_version_that_never_served_and_the_champion_are_no_targets() -> None:
    assert decide_return(epochs(BASELINE, FIRST), 1, [better(1), better(3)]) is None


def test_there_is_one_automatic_return_until_the_gate_promotes() -> None:
    returned = (BASELINE, FIRST, SECOND, (1, "returned"))
    assert decide_return(epochs(*returned), 3, [better(0)]) is None
    assert decide_return(epochs(*returned, (1, "rollout")), 3, [better(0)]) is None
    assert decide_return(epochs(*returned, (2, "command")), 4, [better(0)]) is None
    assert decide_return(epochs(*returned, (3, "promotion")), 4, [better(1)]) == better(1)
    assert decide_return(epochs(BASELINE, FIRST, SECOND, (1, "rollback")), 3, [better(0)]) == better(0)


def test_a_version_that_was_returned_from_stays_barred() -> None:
    history = epochs(BASELINE, FIRST, SECOND, (1, "returned"), (3, "promotion"))
    assert barred_versions(history) == {2}
    assert decide_return(history, 4, [better(2, 0.9), better(1, 0.1)]) == better(1, 0.1)
    assert barred_versions(epochs(BASELINE, FIRST, (0, "rollback"))) == set(), "a person's rollback bars nothing here"


SERVED = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["promotion", "rollout", "command", "rollback", "returned"])),
    max_size=12,
)


@given(SERVED, st.integers(0, 12), st.lists(st.tuples(st.integers(0, 5), st.floats(-1, 1)), max_size=5))
def test_what_is_returned_to_has_served_is_not_barred_and_is_better(
    served: list[Served], shortfall: int, shown: list[tuple[int, float]]
) -> None:
    history = epochs(BASELINE, *served)
    chosen = decide_return(history, shortfall, [better(version, low) for version, low in shown])
    if chosen is not None:
        assert chosen.version in {epoch.champion.version for epoch in history} - barred_versions(history)
        assert chosen.version != history[-1].champion.version
        assert (chosen.low or 0.0) > 0
        assert history[shortfall].champion == history[-1].champion
        assert decide_return([*history, *epochs((chosen.version, "returned"))], 0, [better(0, 1.0)]) is None
