"""The losses that a rollout is decided on: of complete cohorts, by the epoch of the answer, and of pairs."""

from __future__ import annotations

from math import isnan, log
from typing import Any

import pytest

from penstock.contracts.records.predictions import ShadowAnswer
from penstock.drift_detector.drift.answer_losses import answer_losses

from .stream_unit import StreamUnit, statistics_of


def cohorts(make: Any, outcomes: list[Any], batch: int = 30, **declared: Any) -> list[Any]:
    """Those of each block, by arm: rows, mean and loss."""
    unit = StreamUnit(make, make.declared(**declared))
    for start in range(0, len(outcomes), batch):
        unit.outcomes(outcomes[start : start + batch])
        unit.reopen()
    assert all(not block.cohorts for block in statistics_of(unit, "matured"))
    return [
        {(c.epoch, c.version, c.role, c.against): (c.losses.rows, c.losses.mean, c.losses.loss) for c in block.cohorts}
        for block in statistics_of(unit, "provisional")
    ]


def pair(make: Any, number: int, label: str = "1", epoch: int = 4, **answer: Any) -> Any:
    """An outcome of a canary: of four events the challenger answers the first, wrongly; the champion is right."""
    if number % 4:
        return make.outcome(number, "1", label, epoch=epoch, shadow=[ShadowAnswer(2, "0")], **answer)
    shadow = [ShadowAnswer(1, "1")]
    return make.outcome(number, "0", label, epoch=epoch, version=2, arm="challenger", shadow=shadow, **answer)


def test_answers_and_pairs_are_summed_by_epoch_and_version(make: Any) -> None:
    outcomes = [pair(make, n, epoch=4 if n < 60 else 5) for n in range(100)]
    (block,) = cohorts(make, outcomes)
    assert block == {
        (4, 1, "champion", None): (45, 0.0, "error"),
        (4, 2, "challenger", None): (15, 1.0, "error"),
        (4, 2, "shadow", 1): (45, 1.0, "error"),
        (4, 1, "shadow", 2): (15, -1.0, "error"),
        (5, 1, "champion", None): (30, 0.0, "error"),
        (5, 2, "challenger", None): (10, 1.0, "error"),
        (5, 2, "shadow", 1): (30, 1.0, "error"),
        (5, 1, "shadow", 2): (10, -1.0, "error"),
    }


def test_outside_of_a_rollout_and_without_a_label_nothing_counts(make: Any) -> None:
    assert cohorts(make, [make.outcome(n) for n in range(100)]) == [{}]
    expired = [make.outcome(n, label=None, shadow=[ShadowAnswer(2, "0")]) for n in range(100)]
    assert cohorts(make, expired) == [{}]


def late_positives(make: Any, lateness: int, rows: int, before: int = 0) -> list[Any]:
    """Every fifth event is positive, and its label comes so many rows later; the first events are before a rollout."""

    def outcome(n: int) -> Any:
        label = "0" if n % 5 else "1"
        return make.outcome(n, "1", label) if n < before else pair(make, n, label)

    return [outcome(n) for n in sorted(range(rows), key=lambda n: n if n % 5 else n + lateness)]


def champion_errors(blocks: list[Any]) -> list[tuple[int, float]]:
    """After each block the champion's answers so far, and their mean loss."""
    rows, errors, totals = 0, 0.0, []
    for block in blocks:
        of_champion = [losses for (_, _, role, _), losses in block.items() if role == "champion"]
        rows += sum(losses[0] for losses in of_champion)
        errors += sum(losses[0] * losses[1] for losses in of_champion)
        totals.append((rows, errors / max(1, rows)))
    return totals


@pytest.mark.parametrize("batch", [1, 30, 250])
def test_answers_wait_until_the_labels_of_the_latest_class_are_there(make: Any, batch: int) -> None:
    """It says 1 to every event: four of five are wrong, at any time, though the first 300 labels are all negative."""
    totals = champion_errors(cohorts(make, late_positives(make, 300, 2000, before=800), batch))
    assert [error for rows, error in totals if rows > 100] == pytest.approx([0.8] * 9, abs=0.05)
    assert totals[-1][0] > 600


def test_where_all_labels_come_equally_late_nothing_waits(make: Any) -> None:
    blocks = cohorts(make, late_positives(make, 0, 300))
    assert [rows for rows, _ in champion_errors(blocks)] == [75, 150, 225]


def test_the_loss_is_the_objectives(make: Any) -> None:
    outcomes = [
        make.outcome(n, "1", epoch=4, probabilities=[0.5, 0.5], shadow=[ShadowAnswer(2, "1", [0.25, 0.75])])
        for n in range(100)
    ]
    (block,) = cohorts(make, outcomes, objective={"metric": "average_precision"})
    rows, mean, loss = block[4, 2, "shadow", 1]
    assert (rows, loss) == (100, "log_loss")
    assert mean == pytest.approx(-0.405465)  # log(0.5) - log(0.75)
    (without,) = cohorts(make, [pair(make, n) for n in range(100)], objective={"metric": "log_loss"})
    assert without == {}, "answers without probabilities have no log loss"


def test_a_number_loses_by_its_objective_too(make: Any) -> None:
    outcomes = [make.outcome(n, 3.0, 1.0, epoch=4, shadow=[ShadowAnswer(2, 2.0)]) for n in range(100)]
    (absolute,) = cohorts(make, outcomes, task="regression")
    (squared,) = cohorts(make, outcomes, task="regression", objective={"metric": "rmse"})
    assert absolute[4, 2, "shadow", 1] == (100, -1.0, "absolute_error")
    assert squared[4, 2, "shadow", 1] == (100, -3.0, "squared_error")


def test_declared_costs_are_the_loss_of_rollouts_and_of_the_holdout_test(make: Any) -> None:
    costs = {"0": {"1": 1.0}, "1": {"0": 50.0, "1": -2.0}}
    declared = {"objective": {"metric": "cost", "costs": costs}}
    outcomes = [make.outcome(n, "0", "1", epoch=4, shadow=[ShadowAnswer(2, "1")]) for n in range(100)]
    (block,) = cohorts(make, outcomes, **declared)
    assert block[4, 2, "shadow", 1] == (100, -52.0, "cost")
    assert answer_losses(make.declared(**declared).declaration, [outcomes[0].data]).tolist() == [50.0]


def test_a_class_that_is_not_declared_and_that_the_model_does_not_have_is_a_loss(make: Any) -> None:
    label = {"name": "y", "classes": ["a", "b"], "new_classes": "accept"}
    declaration = make.declared("multiclass", label=label, objective={"metric": "log_loss"}).declaration
    answers = [
        make.outcome(0, "a", "late", epoch=1, probabilities=[0.5, 0.5]),
        make.outcome(1, "a", "b", epoch=1, probabilities=[0.5, 0.5]),
        make.outcome(2, "a", "late", epoch=2, probabilities=[0.5, 0.25, 0.25]),
    ]
    missing, known, of_a_newer_model = answer_losses(declaration, [outcome.data for outcome in answers])
    assert missing == pytest.approx(-log(1e-15))
    assert known == pytest.approx(log(2))
    assert isnan(of_a_newer_model), "the place of its class is not known here"
