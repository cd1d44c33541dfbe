"""A champion that loses more than its holdout showed: one alarm, in every rollout mode, whatever delays labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penstock.contracts.external_predictions import external_name, external_version
from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.monitoring import Drift

from .stream_unit import StreamUnit, outcomes_of, random_errors

HOLDOUT = LossMoments(loss="error", rows=1000, mean=0.12, squares=105.6)


def unit_of(make: Any, holdout: LossMoments | None = HOLDOUT, versions: tuple[int, ...] = (1,), **stream: Any) -> Any:
    """A stream unit whose versions were all made champion with this holdout."""
    unit = StreamUnit(make, make.declared(**stream))
    for version in versions:
        unit.champions.apply(make.epoch(version, None).model_copy(update={"holdout": holdout}))
    return unit


def test_that_a_shortfall_is_over_is_told_once_with_the_first_answer_of_another_champion(make: Any) -> None:
    unit = unit_of(make, versions=(1, 2))
    unit.outcomes(outcomes_of(make, [True] * 100))
    unit.outcomes(outcomes_of(make, [False] * 300, start=100))
    assert [alert.state for alert in unit.written["alerts"] if alert.kind == "shortfall"] == ["firing"]
    unit.outcomes(outcomes_of(make, [False] * 300, start=400, epoch=2, version=2))
    first, second = (alert for alert in unit.written["alerts"] if alert.kind == "shortfall")
    assert (second.state, second.key) == ("resolved", first.key)
    assert second.message == "version 2 serves in place of version 1, which fell short"


def test_a_champion_that_serves_again_is_judged_anew_though_nothing_else_was_labelled_meanwhile(make: Any) -> None:
    unit = unit_of(make, versions=(1, 2))
    unit.outcomes(outcomes_of(make, [True] * 100))
    back = make.epoch(1, None).model_copy(update={"epoch": 3, "reason": "rollback"})
    unit.champions.apply(back)
    unit.outcomes(outcomes_of(make, [True] * 5, start=100))  # answers of before, labelled late
    unit.outcomes(outcomes_of(make, [False] * 20, start=200, epoch=3))
    first, second = (alert for alert in unit.written["alerts"] if alert.kind == "shortfall")
    assert (first.state, second.state, second.cause) == ("firing", "resolved", "e200")
    assert second.message == "version 1, which fell short, is judged anew since it serves again after another"
    unit.reopen()
    unit.outcomes(outcomes_of(make, [True] * 100, start=300, epoch=3))
    assert [drift.epoch for drift in shortfalls(unit)] == [1, 3]


def test_a_rollout_that_ends_leaves_the_champion_and_its_alarm_as_they_were(make: Any) -> None:
    unit = unit_of(make)
    unit.outcomes(outcomes_of(make, [True] * 100))
    for epoch in (2, 3):
        unit.champions.apply(make.epoch(1, None).model_copy(update={"epoch": epoch, "reason": "rollout"}))
    unit.outcomes(outcomes_of(make, [True] * 100, start=100, epoch=3))
    assert [alert.state for alert in unit.written["alerts"] if alert.kind == "shortfall"] == ["firing"]


def shortfalls(unit: StreamUnit) -> list[Drift]:
    return [drift for drift in unit.written["drift"] if drift.detector == "holdout"]


def test_a_champion_that_keeps_what_it_promised_raises_no_alarm(make: Any) -> None:
    unit = unit_of(make)
    unit.outcomes(outcomes_of(make, random_errors(0.12, 4000, 0)))
    assert shortfalls(unit) == []


def test_the_alarm_says_what_was_promised_and_what_is_lost(make: Any) -> None:
    unit = unit_of(make)
    unit.outcomes(outcomes_of(make, random_errors(0.42, 300, 1)))
    (drift,) = shortfalls(unit)
    assert drift.outcomes <= 100
    assert (drift.kind, drift.status, drift.epoch) == ("concept", "confirmed", 1)
    assert (drift.earlier_mean, drift.threshold) == (0.12, 0.12)
    assert drift.hurts == pytest.approx(drift.statistic - 0.12)
    (alert,) = [alert for alert in unit.written["alerts"] if alert.subject == "shortfall"]
    assert (alert.severity, alert.version, alert.cause) == ("critical", 1, drift.id)
    live = f"{drift.statistic:.2f}"
    assert (
        alert.message
        == f"version 1 loses {live} an answer where its holdout showed 0.12, over {drift.outcomes} outcomes"
    )


def test_a_step_of_a_rollout_goes_on_with_the_test_and_another_champion_begins_one(make: Any) -> None:
    unit = unit_of(make, versions=(1, 2))
    unit.outcomes(outcomes_of(make, [True] * 20))
    unit.outcomes(outcomes_of(make, [True] * 15, start=20, epoch=2))  # a step: the same champion
    assert [drift.epoch for drift in shortfalls(unit)] == [2]
    unit.outcomes(outcomes_of(make, [True] * 100, start=100, epoch=3))
    assert len(shortfalls(unit)) == 1
    unit.outcomes(outcomes_of(make, [True] * 20, start=300, epoch=4, version=2))
    unit.outcomes(outcomes_of(make, [True] * 20, start=400, epoch=3))  # of the champion before
    assert len(shortfalls(unit)) == 1
    unit.outcomes(outcomes_of(make, [True] * 60, start=500, epoch=4, version=2))
    assert [drift.epoch for drift in shortfalls(unit)] == [2, 4]


@pytest.mark.parametrize("changes", [{"arm": "challenger"}, {"arm": "challenger", "version": 2}])
def test_answers_of_challengers_do_not_count(make: Any, changes: dict[str, Any]) -> None:
    unit = unit_of(make, versions=(1, 2))
    unit.outcomes(outcomes_of(make, [False] * 50))
    unit.outcomes(outcomes_of(make, [True] * 300, start=50, **changes))
    assert shortfalls(unit) == []


@pytest.mark.parametrize(
    "changes", [{"holdout": None}, {"holdout": LossMoments(**{**dict(HOLDOUT), "loss": "pinball"})}]
)
def test_without_a_holdout_by_the_same_loss_nothing_is_tested(make: Any, changes: dict[str, Any]) -> None:
    unit = unit_of(make, **changes)
    unit.outcomes(outcomes_of(make, [True] * 300))
    assert shortfalls(unit) == []


def test_a_baseline_is_judged_against_its_first_answers(make: Any) -> None:
    unit = unit_of(make, holdout=None)
    baseline = {"baseline": True, "version": 0, "epoch": 0}
    unit.outcomes(outcomes_of(make, random_errors(0.02, 1000, 2), **baseline))
    assert shortfalls(unit) == []
    unit.outcomes(outcomes_of(make, random_errors(0.98, 2000, 3), start=1000, **baseline))
    (drift,) = shortfalls(unit)
    assert drift.epoch == 0
    assert any(alert.message.startswith("the baseline loses ") for alert in unit.written["alerts"])


def external(version: str, **answer: Any) -> dict[str, Any]:
    """What an answer of this version of an external model says of itself."""
    return {"version": external_version(version), "model": external_name("power", version), "epoch": 0, **answer}


def test_each_new_version_of_an_external_model_is_judged_against_its_own_first_answers(make: Any) -> None:
    unit = unit_of(make, holdout=None)
    unit.outcomes(outcomes_of(make, random_errors(0.1, 1000, 2), **external("1.0")))
    unit.outcomes(outcomes_of(make, random_errors(0.4, 1000, 3), start=1000, **external("1.1")))
    assert shortfalls(unit) == [], "another version is no shortfall of the one before"
    taking_turns = random_errors(0.4, 200, 4), random_errors(0.1, 200, 5)
    for turn, version in enumerate(("1.1", "1.0")):
        unit.outcomes(outcomes_of(make, taking_turns[turn], start=2000 + 200 * turn, **external(version)))
    unit.reopen()
    unit.outcomes(outcomes_of(make, random_errors(0.9, 1000, 6), start=3000, **external("1.1")))
    (alert,) = [alert for alert in unit.written["alerts"] if alert.kind == "shortfall"]
    assert alert.message.startswith("version 1.1 loses ")
    unit.outcomes(outcomes_of(make, random_errors(0.1, 10, 7), start=5000, **external("1.2")))
    ended = unit.written["alerts"][-1]
    assert (ended.state, ended.message) == ("resolved", "version 1.2 serves in place of version 1.1, which fell short")


def by_label_time(make: Any, labels: list[str], delays: dict[str, int], switch: int) -> list[Any]:
    """Outcomes in the order of their labels; from the event `switch` on another champion answers "1" to all."""
    order = sorted(range(len(labels)), key=lambda number: (number + delays[labels[number]], number))
    return [
        make.outcome(number, "1", labels[number], epoch=1 + (number >= switch), version=1 + (number >= switch))
        for number in order
    ]


@pytest.mark.parametrize("delays", [{"0": 0, "1": 3000}, {"0": 3000, "1": 0}, {"0": 2000, "1": 2000}])
def test_labels_that_come_late_by_their_class_raise_no_alarm(make: Any, delays: dict[str, int]) -> None:
    random = np.random.default_rng(4)
    labels = ["0" if random.random() < 0.12 else "1" for _ in range(8000)]
    label = {"name": "up", "classes": ["0", "1"], "horizon": "P3D"}
    unit = unit_of(make, versions=(2,), label=label)
    unit.outcomes(by_label_time(make, labels, delays, 4000))
    assert shortfalls(unit) == []


def test_a_constant_delay_takes_nothing_from_the_test(make: Any) -> None:
    random = np.random.default_rng(5)
    labels = ["0" if random.random() < (0.42 if number > 1000 else 0.12) else "1" for number in range(1400)]
    unit = unit_of(make, versions=(2,))
    unit.outcomes(by_label_time(make, labels, {"0": 48, "1": 48}, 1000))
    (drift,) = shortfalls(unit)
    assert drift.epoch == 2
    assert drift.outcomes <= 1100


def test_complete_cohorts_are_evidence_where_losses_at_once_are_not(make: Any) -> None:
    """Six outcomes of the champion before come with each of the new one's: at once they count as without loss."""
    earlier = outcomes_of(make, [False] * 2400)
    new = outcomes_of(make, [bool(number % 2) for number in range(400)], start=10_000, epoch=2, version=2)
    unit = unit_of(make, versions=(2,))
    for number, outcome in enumerate(new):
        unit.outcomes([outcome, *earlier[6 * number : 6 * number + 6]])
    (drift,) = shortfalls(unit)
    assert drift.statistic == pytest.approx(0.5, abs=0.05)
    horizon_later = 7 * (60 + 30)  # the hour, and the fewest losses for a test
    assert horizon_later <= drift.outcomes <= 7 * 160


def test_losses_are_those_that_the_objective_names(make: Any) -> None:
    log_loss = LossMoments(loss="log_loss", rows=1000, mean=0.3, squares=200.0)
    unit = unit_of(make, log_loss, objective={"metric": "average_precision"})
    unit.outcomes(outcomes_of(make, [True] * 200, probabilities=[0.3, 0.7]))  # wrong classes, good probabilities
    assert shortfalls(unit) == []
    sure = unit_of(make, log_loss, objective={"metric": "average_precision"})
    sure.outcomes(outcomes_of(make, [False] * 200, probabilities=[0.8, 0.2]))
    (drift,) = shortfalls(sure)
    assert drift.statistic == pytest.approx(-np.log(0.2))


def test_classes_weigh_alike_where_the_objective_says_so(make: Any) -> None:
    """Of 5 % positives all are missed: 5 % of the answers are wrong, and half of the balanced error."""
    random = np.random.default_rng(6)
    labels = ["1" if random.random() < 0.05 else "0" for _ in range(1500)]
    outcomes = [make.outcome(number, "0", label) for number, label in enumerate(labels)]
    balanced = unit_of(make, HOLDOUT, objective={"metric": "balanced_accuracy"})
    balanced.outcomes(outcomes)
    (drift,) = shortfalls(balanced)
    assert drift.statistic == 0.5
    plain = unit_of(make, HOLDOUT, objective={"metric": "accuracy"})
    plain.outcomes(outcomes)
    assert shortfalls(plain) == []


def test_squared_errors_of_numbers_are_tested(make: Any) -> None:
    unit = unit_of(
        make, LossMoments(loss="squared_error", rows=500, mean=1.0, squares=1000.0), task="regression",
        objective={"metric": "rmse"},
    )  # fmt: skip
    errors = np.random.default_rng(7).normal(0, 2, 300)
    unit.outcomes([make.outcome(number, 5.0, 5.0 + float(error)) for number, error in enumerate(errors)])
    (drift,) = shortfalls(unit)
    assert drift.earlier_mean == 1.0
    assert drift.statistic > 2


@pytest.mark.parametrize("size", [1, 7, 400])
def test_batches_and_restarts_change_nothing(make: Any, size: int) -> None:
    outcomes = outcomes_of(make, random_errors(0.3, 400, 8))
    whole, parts = unit_of(make), unit_of(make)
    whole.outcomes(outcomes)
    for start in range(0, len(outcomes), size):
        parts.outcomes(outcomes[start : start + size])
        if size > 1:
            parts.reopen()
    assert shortfalls(parts) == shortfalls(whole)
    assert len(shortfalls(whole)) == 1
