"""Validation never looks ahead, and a family that fails does not affect the others."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ml.models.families import FAMILIES, Family, fit
from penstock.ml.models.training_data import TrainingData
from penstock.ml.selection.cross_validation import (
    CandidateResult,
    CandidateSpec,
    CrossValidation,
    ValidationReport,
    validate_defaults,
)
from penstock.ml.selection.family_selection import CostPreference, NoModelTrained, select_family
from penstock.ml.selection.validation_plan import ValidationPlan, folds

LEARNERS = ["linear", "boosting"]


@given(st.integers(0, 3000), st.integers(1, 6), st.integers(0, 600))
def test_a_fold_trains_only_on_labels_that_had_arrived(n: int, count: int, gap: int) -> None:
    found = folds(n, count, gap)
    assert len(found) <= count
    assert bool(found) == (n - gap >= 2)
    for train, test in found:
        assert train.start == 0 < train.stop <= test.start - gap
        assert test.start < test.stop <= n
    assert not found or found[-1][1].stop == n
    assert all(before[1].stop == after[1].start for before, after in itertools.pairwise(found))


def test_the_better_family_is_chosen_and_its_holdout_is_honest(mixed) -> None:
    labels = mixed.labels["regression"]
    selection = select_family(
        LEARNERS, TrainingData(mixed.frame, labels, mixed.fields, "regression"), ValidationPlan(gap=10), seed=2
    )
    means = {family: np.mean(scores) for family, scores in selection.scores.items()}
    assert selection.best.family == min(means, key=means.get)
    assert [len(scores) for scores in selection.scores.values()] == [3, 3]
    before = slice(0, selection.holdout.rows.start - 10)
    model = fit(
        selection.best.family,
        TrainingData(mixed.frame.take(before), labels[before], mixed.fields, "regression"),
        seed=2,
    )
    assert selection.holdout.output.values == model.predict(mixed.frame.take(selection.holdout.rows)).values


def test_labels_after_the_cut_change_nothing(mixed) -> None:
    labels = list(mixed.labels["binary"])
    first = select_family(
        LEARNERS[:1], TrainingData(mixed.frame, labels, mixed.fields, "binary"), ValidationPlan(gap=20)
    )
    start = first.holdout.rows.start
    labels[start - 20 :] = ["No"] * (len(labels) - start + 20)
    second = select_family(
        LEARNERS[:1], TrainingData(mixed.frame, labels, mixed.fields, "binary"), ValidationPlan(gap=20)
    )
    assert first.holdout.output.values == second.holdout.output.values


def test_equal_accuracy_is_settled_by_the_simpler_family(mixed) -> None:
    labels = ["only"] * len(mixed.frame)
    chosen = select_family(LEARNERS[::-1], TrainingData(mixed.frame, labels, mixed.fields, "binary")).best.family
    assert chosen == "linear"


def test_a_failing_family_is_left_out_with_its_reason(mixed, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise ArithmeticError("no convergence")

    monkeypatch.setitem(FAMILIES, "broken", Family("broken", broken))
    labels = mixed.labels["binary"]
    selection = select_family(["broken", "linear"], TrainingData(mixed.frame, labels, mixed.fields, "binary"))
    assert selection.best.family == "linear"
    assert selection.failed == {"broken": "ArithmeticError: no convergence"}
    with pytest.raises(NoModelTrained, match="broken: ArithmeticError: no convergence"):
        select_family(["broken"], TrainingData(mixed.frame, labels, mixed.fields, "binary"))


def test_too_few_rows_are_an_error(mixed) -> None:
    with pytest.raises(NoModelTrained, match="400 rows with labels 400 rows late"):
        select_family(
            LEARNERS, TrainingData(mixed.frame, mixed.labels["binary"], mixed.fields, "binary"), ValidationPlan(gap=400)
        )


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_with_a_cost_preference_the_cheapest_of_the_nearly_best_is_selected(task: str, mixed) -> None:
    def chosen(within: float) -> str:
        preference = CostPreference(
            within, lambda model, _: {"boosting": 1.0, "linear": 2.0, "forest": 3.0}[model.family]
        )
        return select_family(
            LEARNERS, TrainingData(mixed.frame, labels, mixed.fields, task), preference=preference
        ).best.family

    labels = mixed.labels[task]
    selection = select_family(LEARNERS, TrainingData(mixed.frame, labels, mixed.fields, task))
    means = sorted(float(np.mean(scores)) for scores in selection.scores.values())
    assert selection.best.family == "linear"
    assert chosen((means[1] - means[0]) * 0.99) == "linear"
    assert chosen((means[1] - means[0]) * 1.01) == "boosting"


def test_a_cost_preference_applies_with_and_without_lag_features(mixed) -> None:
    preference = CostPreference(1.0, lambda model, _: float(model.family == "linear"))
    fields, lag_fields = mixed.fields[:2], mixed.fields[2:]
    selection = select_family(
        LEARNERS,
        TrainingData(mixed.frame, mixed.labels["binary"], fields, "binary", lag_fields=lag_fields),
        preference=preference,
    )
    assert [candidate.family for candidate in selection.outputs] == ["boosting", "boosting"]
    assert {candidate.lag_features for candidate in selection.outputs} == {False, True}


def test_settings_distinguish_candidates_and_are_used_in_training(mixed) -> None:
    strong = CandidateSpec("linear", settings=(("learner__C", 0.002),))

    def validate(validation: CrossValidation) -> ValidationReport:
        plain = validate_defaults(validation)
        return ValidationReport(plain.results | {strong: CandidateResult([2.0] * 3)})

    selection = select_family(
        ["linear"], TrainingData(mixed.frame, mixed.labels["binary"], mixed.fields, "binary"), validate=validate
    )
    assert selection.best == strong
    assert list(selection.scores) == ["linear", "linear (C 0.002)"]
    before, rows = slice(0, selection.holdout.rows.start), mixed.frame
    model = fit(
        "linear",
        TrainingData(rows.take(before), mixed.labels["binary"][before], mixed.fields, "binary"),
        settings=strong.settings,
    )
    expected = model.predict(rows.take(selection.holdout.rows)).probabilities
    assert np.array_equal(selection.holdout.output.probabilities, expected)


def test_folds_lie_after_the_newest_change_and_every_change_is_a_start() -> None:
    splits, starts = ValidationPlan(fold_count=3, changes=(200, 600)).folds(1000)
    assert starts == (0, 200, 600)
    assert min(test.start for _, test in splits) > 600
    splits, starts = ValidationPlan(fold_count=3, changes=(200, 999)).folds(1000)
    assert starts == (0, 200), "one row after a change is none to be scored on"
    assert min(test.start for _, test in splits) > 200
