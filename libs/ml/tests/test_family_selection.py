"""Validation never looks ahead, and a family that fails does not affect the others."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from penstock.ml.features.frame import Field, Frame, column, times
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
CLASSES = ("no", "yes")


def late(mixed, rows: int) -> ValidationPlan:
    """Each label is known that many rows after the next."""
    return ValidationPlan(known_at=np.arange(1, len(mixed.frame) + 1) + rows)


@given(st.lists(st.integers(-5, 400), max_size=300), st.integers(1, 6), st.integers(0, 300))
def test_a_fold_trains_on_all_labels_that_were_known_and_on_no_other(delays: list[int], count: int, since: int) -> None:
    n, known_at = len(delays), np.arange(len(delays)) + np.array(delays, dtype=np.intp)
    since = min(since, n)
    found = folds(known_at, count, since)
    for fold in found:
        known = [row for row in range(fold.test.start) if known_at[row] <= fold.test.start]
        assert fold.train.tolist() == known
        assert any(row >= since for row in known)
    tests = [fold.test for fold in found]
    assert len(found) <= count
    assert bool(found) == any(known_at[row] <= n - 1 for row in range(since, n - 1))
    assert all(since < test.start < test.stop for test in tests)
    assert not found or tests[-1].stop == n
    assert all(before.stop == after.start for before, after in itertools.pairwise(tests))


def test_what_only_labels_from_later_can_tell_is_not_learnt() -> None:
    """The labels of rows of a case are all alike and come after the last row; those of other rows are chance."""
    rng, n = np.random.default_rng(4), 2400
    in_case, case = rng.random(n) < 0.4, rng.integers(0, 30, n)
    labels = [CLASSES[code] for code in np.where(in_case, case % 2, rng.integers(0, 2, n))]
    ids = [f"case {number}" if late else None for number, late in zip(case, in_case, strict=True)]
    frame = Frame({"id": column("category", ids)}, times(np.arange(n).tolist()))
    data = TrainingData(frame, labels, [Field("id", "category")], "binary", classes=CLASSES)

    def score(known_at: NDArray[np.intp]) -> float:
        return float(np.mean(select_family(["linear"], data, ValidationPlan(known_at=known_at)).scores["linear"]))

    at_the_next_row = np.arange(1, n + 1)
    assert score(at_the_next_row) > 0.65, "by the median delay it would look good"
    assert abs(score(np.where(in_case, n, at_the_next_row)) - 0.5) < 0.05


def test_the_better_family_is_chosen_and_its_holdout_is_honest(mixed) -> None:
    labels = mixed.labels["regression"]
    selection = select_family(
        LEARNERS, TrainingData(mixed.frame, labels, mixed.fields, "regression"), late(mixed, 10), seed=2
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
    first = select_family(LEARNERS[:1], TrainingData(mixed.frame, labels, mixed.fields, "binary"), late(mixed, 20))
    start = first.holdout.rows.start
    labels[start - 20 :] = ["No"] * (len(labels) - start + 20)
    second = select_family(LEARNERS[:1], TrainingData(mixed.frame, labels, mixed.fields, "binary"), late(mixed, 20))
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
    with pytest.raises(NoModelTrained, match="400 rows of which no label was known before the last"):
        select_family(
            LEARNERS, TrainingData(mixed.frame, mixed.labels["binary"], mixed.fields, "binary"), late(mixed, 400)
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
    means = sorted(float(np.mean(scores[:-1])) for scores in selection.scores.values())  # the last fold only judges
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


@pytest.mark.parametrize("lags", [0, 1])
def test_the_best_of_every_family_is_there_whichever_is_best(mixed, lags: int) -> None:
    fields, lag_fields = mixed.fields[: 3 - lags], mixed.fields[3 - lags :]
    data = TrainingData(mixed.frame, mixed.labels["binary"], fields, "binary", lag_fields=lag_fields)
    selection = select_family(LEARNERS, data)
    means = {name: np.mean(scores[:-1]) for name, scores in selection.scores.items()}
    for family in LEARNERS:
        best = max(means[name] for name in means if name.startswith(family))
        assert best in [means[candidate.name] for candidate in selection.outputs if candidate.family == family]
    assert {candidate.lag_features for candidate in selection.outputs} == ({False, True} if lags else {False})
    assert means[selection.best.name] == max(means.values())


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


@pytest.mark.parametrize(
    ("holdout_from", "first"), [(0, 750), (700, 750), (751, 751), (900, 900), (950, 950), (951, 750), (1000, 750)]
)
def test_the_last_test_begins_where_a_champion_stopped_to_learn(holdout_from: int, first: int) -> None:
    splits, _ = ValidationPlan(fold_count=3, holdout_from=holdout_from).folds(1000)
    assert splits[-1].test == slice(first, 1000)
    assert splits[-1].train[-1] == first - 1
    assert splits[-2].test.stop == first
    assert len(splits) == 3


def test_folds_before_a_late_last_test_lie_after_the_newest_change() -> None:
    splits, _ = ValidationPlan(fold_count=3, changes=(600,), holdout_from=940).folds(1000)
    assert [fold.test for fold in splits] == [slice(740, 880), slice(880, 940), slice(940, 1000)]


def growing(rows: int, steps: float) -> TrainingData:
    """Numbers whose relation to the field is another one after each third of the rows, if there are `steps`."""
    rng = np.random.default_rng(5)
    field, level = rng.normal(size=rows), steps * (np.arange(rows) // (rows // 3))
    frame = Frame({"x": field}, times(np.arange(rows).tolist()))
    labels = (field + level + rng.normal(0, 0.1, rows)).tolist()
    return TrainingData(frame, labels, [Field("x", "number")], "regression")


@pytest.mark.parametrize(("rows", "windows"), [(1999, []), (2000, [500]), (8000, [1000])])
def test_where_there_are_many_more_rows_the_newest_make_a_candidate_of_their_own(rows: int, windows: list[int]) -> None:
    names = ["linear", *(f"linear, newest {window} rows" for window in windows)]
    assert sorted(select_family(["linear"], growing(rows, 0)).scores) == names


def test_old_rows_are_left_out_where_they_mislead() -> None:
    assert select_family(["linear"], growing(6000, 5)).best == CandidateSpec("linear", window=750)
    assert select_family(["linear"], growing(6000, 0)).best.window == 0
