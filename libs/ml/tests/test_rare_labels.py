"""Boosting at its defaults on labels that make boosters diverge or stand still."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ml.features.frame import Field, Frame, times
from penstock.ml.metrics import log_loss
from penstock.ml.models.families import boosting_of_counts, fit, with_ties_broken
from penstock.ml.models.training_data import TrainingData


def data_of(matrix: np.ndarray, labels: list, task: str) -> TrainingData:
    names = [f"x{column}" for column in range(matrix.shape[1])]
    frame = Frame(dict(zip(names, matrix.T, strict=True)), times(np.arange(len(labels)) * 1000))  # type: ignore[arg-type]
    return TrainingData(frame, labels, [Field(name, "number") for name in names], task)  # type: ignore[arg-type]


def test_classes_of_a_handful_of_rows_do_not_blow_up_the_others() -> None:
    """Four classes that share the rows, and four of 1 to 10 rows; learnt from one half, scored on the other."""
    random, rows, half = np.random.default_rng(3), 4000, 2000
    codes = random.integers(0, 4, rows)
    for code in range(4, 8):
        for start in (0, half):
            codes[start + random.choice(half, random.integers(1, 11), replace=False)] = code
    matrix = random.normal(0, 1.2, (8, 10))[codes] + random.normal(size=(rows, 10))
    data = data_of(matrix, [f"c{code}" for code in codes], "multiclass")
    learnt, later = data.take(slice(0, half)), data.take(slice(half, rows))
    boosted, linear = (fit(family, learnt).predict(later.frame) for family in ("boosting", "linear"))
    right = [np.mean([a == b for a, b in zip(each.values, later.labels, strict=True)]) for each in (boosted, linear)]
    assert right[0] > right[1] - 0.05
    assert boosted.probabilities is not None
    assert log_loss(later.labels, boosted.probabilities, sorted(set(data.labels))) < 0.29, "0.36 without regularisation"


def rare(seed: int, rows: int) -> TrainingData:
    """Some 1 % positives, by amounts over orders of magnitude and by a score, among four columns of noise."""
    random = np.random.default_rng(seed)
    amount, score = np.exp(random.normal(3, 1.2, rows)), random.normal(size=rows)
    chance = 1 / (1 + np.exp(6 - np.log(amount) + 3 - score))
    matrix = np.column_stack([amount, score, random.normal(size=(rows, 4))])
    return data_of(matrix, ["yes" if each else "no" for each in random.random(rows) < chance], "binary")


def later_loss(family: str, data: TrainingData) -> float:
    """The log loss of the second half of the rows, learnt from the first."""
    half = len(data) // 2
    learnt, later = data.take(slice(0, half)), data.take(slice(half, 2 * half))
    output = fit(family, learnt).predict(later.frame)
    assert output.probabilities is not None
    return log_loss(later.labels, output.probabilities, ["no", "yes"])


@pytest.mark.parametrize("family", ["linear", "boosting"])
def test_some_thirty_positives_among_4000_rows_are_learnt(family: str) -> None:
    """Without ranks a linear model would save 13 %, trees of 31 leaves 10 %."""
    losses, constants = [], []
    for seed in range(4):
        data = rare(seed, 8000)
        losses.append(later_loss(family, data))
        share = np.mean([label == "yes" for label in data.labels])
        assert 0.005 < share < 0.03
        constants.append(-share * np.log(share) - (1 - share) * np.log(1 - share))
    assert np.mean(losses) < 0.855 * np.mean(constants), (losses, constants)


@given(st.integers(1, 10**6), st.integers(1, 1000))
def test_trees_have_a_leaf_for_twenty_rows_outside_of_the_commonest_class(commonest: int, others: int) -> None:
    counts = np.array([others, max(commonest, others)])
    leaves = boosting_of_counts(counts)["max_leaf_nodes"]
    assert leaves == (4 if others < 100 else 31 if others >= 620 else others // 20)


def zero_inflated(scale: float) -> TrainingData:
    random, rows = np.random.default_rng(1), 2000
    matrix = random.normal(size=(rows, 4))
    effect = matrix[:, 0] + np.sin(2 * matrix[:, 1])
    amounts = np.where(random.random(rows) < 1 / (1 + np.exp(1 - 2 * effect)), random.poisson(np.exp(effect)) + 1, 0)
    return data_of(matrix, (amounts * scale).tolist(), "regression")


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e5])
def test_boosting_learns_from_labels_of_which_two_thirds_are_zero(scale: float) -> None:
    data = zero_inflated(scale)
    labels = np.array(data.labels)
    assert 0.55 < np.mean(labels == 0) < 0.75
    answers = np.array(fit("boosting", data.take(slice(0, 1500))).predict(data.frame.take(slice(1500, 2000))).values)
    error = np.abs(answers - labels[1500:]).mean()
    assert error < 0.75 * np.abs(labels[1500:]).mean(), "always 0 is the best constant"


def test_ties_are_broken_by_less_than_matters_and_only_where_there_are_many() -> None:
    labels = np.array([0.0] * 60 + [5.0] * 40)
    moved = with_ties_broken(labels, 0)
    assert np.array_equal(moved, with_ties_broken(labels, 0))
    assert len(np.unique(moved)) == 100
    assert np.abs(moved - labels).max() <= 2e-6
    for others in (np.arange(100.0), np.zeros(100), np.array([0.0] * 90 + [5.0] * 10)):
        assert with_ties_broken(others, 0) is others
