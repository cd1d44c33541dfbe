"""The objective's loss: what detectors watch, what statistics carry, and what happens when the objective changes."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import pytest

from penstock.drift_detector.watched_loss import WatchedLoss, watched_loss
from penstock.ml.drift.rise_detector import LARGEST_LOG_LOSS, SCAN
from penstock.ml.metrics.objective import Answers, Objective

from .stream_unit import StreamUnit, concept_drifts, outcomes_of, random_errors, statistics_of

RANKING = {"objective": {"metric": "average_precision"}}
COSTS = {"objective": {"metric": "cost", "costs": {"0": {"1": 1.0}, "1": {"0": 50.0}}}}


def never_answered(make: Any, found: float, count: int, seed: int, start: int = 0) -> list[Any]:
    """Outcomes of a rare class that is never answered; of its cases `found` have a higher probability than others."""
    random, records = np.random.default_rng(seed), []
    for n in range(start, start + count):
        positive = random.random() < 0.05
        likely = random.random() < (found if positive else 0.02)
        chance = 0.45 if likely else 0.02
        records.append(make.outcome(n, "0", "1" if positive else "0", probabilities=[1 - chance, chance]))
    return records


def drifts_of(make: Any, records: list[Any], **declaration: Any) -> list[Any]:
    unit = StreamUnit(make, make.declared(**declaration))
    unit.outcomes(records)
    return concept_drifts(unit)


@pytest.mark.parametrize("seed", range(3))
def test_a_ranking_that_gets_worse_is_a_drift_though_no_answer_changes(make: Any, seed: int) -> None:
    records = never_answered(make, 0.9, 4000, seed) + never_answered(make, 0.0, 2000, seed + 9, start=4000)
    drift = drifts_of(make, records, **RANKING)[0]
    assert drift.outcomes > 4000
    assert drift.detector == SCAN
    assert drift.statistic > drift.earlier_mean
    assert drifts_of(make, records) == [], "by errors there is nothing to see"


def test_costs_are_watched_in_their_unit(make: Any) -> None:
    """Dear answers take the place of cheap ones: as many are wrong as before."""
    wrong = random_errors(0.2, 6000, 1)
    records = [
        make.outcome(n, *(("1", "0") if n < 4000 else ("0", "1")) if is_wrong else ("1", "1"))
        for n, is_wrong in enumerate(wrong)
    ]
    drift = drifts_of(make, records, label={"name": "up", "classes": ["1", "0"]}, **COSTS)[0]
    assert drift.earlier_mean == pytest.approx(0.2, abs=0.05)
    assert drift.statistic > 5


def test_the_bounds_and_the_law_follow_from_the_declaration(make: Any) -> None:
    def of(task: str = "binary", **declaration: Any) -> WatchedLoss:
        return WatchedLoss.of(make.declared(task, **declaration).declaration)

    assert of() == of(objective={"metric": "accuracy"}) == of(objective={"metric": "f1"})
    assert of() == WatchedLoss("error", "bernoulli")
    assert of(**RANKING) == of(objective={"metric": "log_loss"}) == WatchedLoss("log_loss", "log_loss")
    assert (of(**COSTS).least, of(**COSTS).largest) == (0.0, 50.0)
    assert of("regression") == of("regression", objective={"metric": "mae"})
    assert of("regression", objective={"metric": "rmse"}) == WatchedLoss("squared_error", "exponential")


def test_a_log_loss_is_bounded_and_an_answer_without_probabilities_is_certain(make: Any) -> None:
    declaration = make.declared(**RANKING).declaration
    for probabilities, answer, label, loss in (
        ([0.75, 0.25], "0", "1", log(4)),
        ([1.0, 0.0], "0", "1", LARGEST_LOG_LOSS),
        (None, "0", "1", LARGEST_LOG_LOSS),
        (None, "1", "1", 0.0),
        ([0.5, 0.2, 0.3], "1", "1", None),
        ([0.5, 0.5], "1", None, None),
    ):
        outcome = make.outcome(0, answer, label, probabilities=probabilities)
        assert watched_loss(declaration, outcome.data) == (None if loss is None else pytest.approx(loss))


def test_without_an_objective_nothing_is_watched_otherwise_than_before(make: Any) -> None:
    """Nor are the keys of a store that a release before has written, which had none for the unit."""
    records = outcomes_of(make, random_errors(0.1, 1000, 0)) + outcomes_of(make, random_errors(0.6, 300, 1), start=1000)
    whole = drifts_of(make, records)
    unit = StreamUnit(make, make.declared())
    unit.outcomes(records[:900])
    unit.state.delete(b"2m")
    unit.state.write(unit.state.take_changes(), {})
    unit.reopen()
    unit.outcomes(records[900:])
    assert [drift.outcomes for drift in concept_drifts(unit)] == [drift.outcomes for drift in whole] != []
    assert "objective" not in statistics_of(unit, "provisional")[0].model_dump()


def test_losses_of_another_unit_are_not_compared(make: Any) -> None:
    """Errors of 0 and 1 before log losses would be a change by themselves; so would those of a release before."""
    sure = [0.02, 0.98]
    for has_unit in (True, False):
        unit = StreamUnit(make, make.declared())
        unit.outcomes([make.outcome(n, probabilities=sure) for n in range(2000)])
        if not has_unit:
            unit.state.delete(b"2m")
            unit.state.write(unit.state.take_changes(), {})
        unit.reopen()
        unit.declared = make.declared(**RANKING)
        unit.outcomes([make.outcome(n, probabilities=[0.4, 0.6]) for n in range(2000, 4000)])
        assert concept_drifts(unit) == []
        assert all(drift.hurts is None or abs(drift.hurts) < 0.01 for drift in unit.written["drift"])
        unit.reopen()
        unit.outcomes([make.outcome(n, probabilities=[0.9, 0.1]) for n in range(4000, 4400)])
        assert concept_drifts(unit)[0].earlier_mean == pytest.approx(-log(0.6), abs=0.01)


@pytest.mark.parametrize("metric", ["log_loss", "average_precision", "f1", "balanced_accuracy", "accuracy"])
def test_statistics_carry_the_objective_and_its_loss_by_version(make: Any, metric: str) -> None:
    unit, random = StreamUnit(make, make.declared(objective={"metric": metric})), np.random.default_rng(0)
    chances, labels, answers = random.random(100), random.integers(0, 2, 100), random.integers(0, 2, 100)
    unit.outcomes(
        [
            make.outcome(n, str(answers[n]), str(labels[n]), probabilities=[1 - p, p], version=1 + n // 60)
            for n, p in enumerate(chances.tolist())
        ]
    )
    (block,) = statistics_of(unit, "matured")
    objective = Objective(metric, 2)  # type: ignore[arg-type]
    given = Answers(answers.astype(float), np.stack([1 - chances, chances], axis=1))
    assert block.objective.metric == metric
    assert block.objective.score == pytest.approx(objective.score(labels.astype(float), given))
    assert block.objective.loss.rows == 100
    of_versions = [arm.by_objective for arm in block.arms]
    assert [losses.rows for losses in of_versions] == [60, 40]
    assert np.average([losses.mean for losses in of_versions], weights=[60, 40]) == pytest.approx(
        block.objective.loss.mean
    )
    expected = "log_loss" if metric in ("log_loss", "average_precision") else "error"
    assert {losses.loss for losses in of_versions} == {expected}
    assert (block.metric, block.score) == ("accuracy", pytest.approx((answers == labels).mean())), (
        "what was there stays"
    )


def test_a_ranking_of_one_class_has_no_score_but_a_loss(make: Any) -> None:
    unit = StreamUnit(make, make.declared(**RANKING))
    unit.outcomes([make.outcome(n, "0", "0", probabilities=[0.9, 0.1]) for n in range(100)])
    (block,) = statistics_of(unit, "provisional")
    assert block.objective.score is None
    assert block.objective.loss.mean == pytest.approx(-log(0.9))


def test_a_regression_carries_its_objective(make: Any) -> None:
    unit = StreamUnit(make, make.declared("regression", objective={"metric": "rmse"}))
    unit.outcomes([make.outcome(n, 0.0, float(n % 2) * 2) for n in range(100)])
    (block,) = statistics_of(unit, "provisional")
    assert block.objective.score == pytest.approx(2**0.5)
    assert (block.objective.loss.loss, block.objective.loss.mean) == ("squared_error", pytest.approx(2.0))
