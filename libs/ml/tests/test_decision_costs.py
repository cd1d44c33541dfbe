"""Decision costs: which class they answer, that a package keeps them, and how they follow from an objective."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from penstock.ml.features.frame import Field, Frame, times
from penstock.ml.metrics.objective import Objective
from penstock.ml.models.decision_costs import DecisionCosts, decided_classes
from penstock.ml.models.families import fit
from penstock.ml.models.training_data import TrainingData
from penstock.ml.package import zip_archive
from penstock.ml.package.model_package import UnusablePackage, pack, unpack
from penstock.ml.selection.class_weights import costs_of_weights, f1_weights
from penstock.ml.selection.decision_rule import decided, decision_costs, f1_threshold

from .model_cases import MODELS
from .test_package_upgrades import rewritten

seeds = st.integers(0, 2**20)
DEAR_MISS: DecisionCosts = ((0.0, 1.0), (50.0, 0.0))


def probabilities_of(seed: int, k: int, n: int = 50) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(k), n)


def costs_of(seed: int, k: int) -> DecisionCosts:
    return tuple(map(tuple, np.random.default_rng(seed + 1).uniform(-1, 5, (k, k)).tolist()))


@given(seeds, st.integers(2, 5))
def test_the_answer_is_the_class_of_least_expected_cost(seed: int, k: int) -> None:
    probabilities, costs = probabilities_of(seed, k), costs_of(seed, k)
    for row, answer in zip(probabilities, decided_classes(probabilities, costs).tolist(), strict=True):
        expected = [sum(row[true] * costs[true][j] for true in range(k)) for j in range(k)]
        assert expected[answer] == pytest.approx(min(expected))


@given(seeds, st.integers(2, 5))
def test_costs_alike_answer_the_likeliest_class(seed: int, k: int) -> None:
    probabilities = probabilities_of(seed, k)
    alike = tuple(tuple(float(i != j) for j in range(k)) for i in range(k))
    likeliest = probabilities.argmax(axis=1).tolist()
    assert decided_classes(probabilities, None).tolist() == likeliest
    assert decided_classes(probabilities, alike).tolist() == likeliest


@given(seeds, st.integers(2, 5), st.floats(1e-6, 1e6))
def test_scaled_costs_give_the_same_answers(seed: int, k: int, factor: float) -> None:
    probabilities, costs = probabilities_of(seed, k), costs_of(seed, k)
    scaled = tuple(tuple(factor * cost for cost in row) for row in costs)
    assert decided_classes(probabilities, scaled).tolist() == decided_classes(probabilities, costs).tolist()


@given(seeds, st.floats(0.1, 100), st.floats(0.1, 100))
def test_a_dearer_miss_never_lowers_recall(seed: int, first: float, second: float) -> None:
    probabilities = probabilities_of(seed, 2)
    cheap, dear = (decided_classes(probabilities, ((0.0, 1.0), (miss, 0.0))) for miss in sorted((first, second)))
    assert (cheap <= dear).all()


@given(seeds)
def test_a_row_is_answered_as_it_is_among_others(seed: int) -> None:
    probabilities, costs = np.tile(probabilities_of(seed, 3, 2), (9, 1)), costs_of(seed, 3)
    alone = [int(decided_classes(row[None], costs)[0]) for row in probabilities]
    assert decided_classes(probabilities, costs).tolist() == alone


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("name", ["linear", "boosting", "baseline", "blend"])
def test_a_package_keeps_the_rule(name: str, task: str, mixed: Any, later: Any) -> None:
    likeliest = MODELS[name](mixed, task)
    k = len(likeliest.classes)
    costs = tuple(tuple(0.0 if i == j else float(30**i) for j in range(k)) for i in range(k))
    model = replace(likeliest, decision_costs=costs)
    loaded = unpack(pack(model, later.frame.take(slice(0, 20))))
    before, expected, answers = (each.predict(later.frame) for each in (likeliest, model, loaded))
    assert loaded.decision_costs == costs
    assert answers.values == expected.values != before.values
    assert expected.probabilities is not None
    assert expected.probabilities.tolist() == before.probabilities.tolist()  # type: ignore[union-attr]


def test_a_release_that_knows_only_the_likeliest_class_refuses_a_rule(mixed: Any, later: Any) -> None:
    model, golden = MODELS["linear"](mixed, "binary"), later.frame.take(slice(0, 20))
    k = len(model.classes)
    alike = tuple(tuple(float(i != j) for j in range(k)) for i in range(k))

    def manifest_of(package: bytes) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads(zip_archive.read(package)["manifest.json"])
        return manifest

    plain, ruled = pack(model, golden), pack(replace(model, decision_costs=alike), golden)
    assert (manifest_of(plain)["format"], "decision_costs" in manifest_of(plain)) == (1, False)
    assert manifest_of(ruled)["format"] == 2
    for wrong in ([[0.0, 1.0]], [[0.0] * k] * k + [[0.0] * k], [["x"] * k] * k, None):
        bad = rewritten(ruled, lambda manifest, wrong=wrong: manifest.update(decision_costs=wrong))  # type: ignore[misc]
        with pytest.raises(UnusablePackage):
            unpack(bad)


def test_an_answer_by_another_rule_than_when_it_was_packed_is_refused(mixed: Any, later: Any) -> None:
    model = MODELS["linear"](mixed, "binary")
    k = len(model.classes)
    costs = [[0.0 if i == j else 1.0 + 1e6 * (i == 1) for j in range(k)] for i in range(k)]
    ruled = pack(replace(model, decision_costs=tuple(map(tuple, costs))), later.frame.take(slice(0, 20)))
    with pytest.raises(UnusablePackage, match="otherwise"):
        unpack(rewritten(ruled, lambda manifest: manifest.update(decision_costs=np.array(costs).T.tolist())))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.35, 0.5, 0.9])), min_size=2, max_size=30))
def test_no_threshold_has_a_higher_f1(rows: list[tuple[bool, float]]) -> None:
    labels, scores = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    if labels.any():
        chosen = sk.f1_score(labels, scores > f1_threshold(labels, scores))
        assert chosen == pytest.approx(max(sk.f1_score(labels, scores > each) for each in (0, 0.15, 0.3, 0.4, 0.7)))


def rare(n: int, seed: int) -> tuple[Frame, list[str]]:
    """One row in twenty is positive, few of them likelier so than not."""
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    positive = random.random(n) < 1 / (1 + np.exp(4.5 - 1.8 * x))
    return Frame({"x": x}, times([None] * n)), ["yes" if each else "no" for each in positive]


@pytest.mark.parametrize("metric", ["f1", "balanced_accuracy"])
@pytest.mark.parametrize("classes", [("no", "yes"), ("yes", "no")])
def test_a_rule_chosen_out_of_fold_beats_the_likeliest_class_on_rare_positives(
    metric: Any, classes: tuple[str, ...]
) -> None:
    (train, train_labels), (fold, fold_labels), (test, test_labels) = (rare(4000, seed) for seed in range(3))
    model = fit("linear", TrainingData(train, train_labels, (Field("x", "number"),), "binary", classes=classes))
    objective = Objective(metric, 2, positive=classes.index("yes"))
    labels = model.class_index.numbers(test_labels)
    out_of_fold, unseen = model.predict(fold).probabilities, model.predict(test).probabilities
    assert out_of_fold is not None
    assert unseen is not None
    costs = decision_costs(objective, model.class_index.numbers(fold_labels), out_of_fold)
    likeliest, ruled = (objective.score(labels, decided(unseen, each)) for each in (None, costs))
    assert ruled > likeliest + 0.1


def test_too_few_positives_choose_no_threshold() -> None:
    labels = np.array([1.0] * 9 + [0.0] * 100)
    probabilities = np.column_stack([1 - 0.3 * labels, 0.3 * labels])
    assert decision_costs(Objective("f1", 2), labels, probabilities) is None
    assert decision_costs(Objective("f1", 2), np.append(labels, 1.0), np.vstack([probabilities, [0.7, 0.3]]))


@pytest.mark.parametrize("metric", ["log_loss", "average_precision", "roc_auc", "accuracy"])
def test_other_objectives_answer_the_likeliest_class(metric: Any) -> None:
    assert decision_costs(Objective(metric, 2), np.array([0.0, 1.0] * 20), np.full((40, 2), 0.5)) is None


def test_declared_costs_are_the_rule() -> None:
    objective = Objective("cost", 2, costs=DEAR_MISS)
    assert decision_costs(objective, np.empty(0), np.empty((0, 2))) == DEAR_MISS
    answers = decided(np.array([[0.97, 0.03], [0.99, 0.01]]), DEAR_MISS)
    assert answers.values.tolist() == [1.0, 0.0]
    assert objective.losses(np.array([0.0, 1.0]), answers).tolist() == [1.0, 50.0]
    assert objective.score(np.array([0.0, 1.0]), answers) == 25.5


def rare_classes(seed: int, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Labels of three classes, of which two are rare, and the probabilities that they were drawn by."""
    random = np.random.default_rng(seed)
    scores = random.normal(0, 1.2, (n, 3)) + np.array([2.5, 0.0, -0.5])
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    labels = (random.random(n)[:, None] > probabilities.cumsum(axis=1)).sum(axis=1).astype(float)
    return labels, probabilities


@pytest.mark.parametrize("seed", range(5))
def test_weights_of_classes_raise_the_f1_of_several_classes_on_later_rows(seed: int) -> None:
    objective = Objective("f1", 3)
    labels, probabilities = rare_classes(seed)
    costs = decision_costs(objective, labels[:2000], probabilities[:2000])
    by_rule, likeliest = (objective.score(labels[2000:], decided(probabilities[2000:], each)) for each in (costs, None))
    assert by_rule > likeliest + 0.02


@given(seeds)
def test_weights_of_classes_never_lower_the_f1_of_the_rows_that_chose_them(seed: int) -> None:
    objective, (labels, probabilities) = Objective("f1", 3), rare_classes(seed, 200)
    costs = decision_costs(objective, labels, probabilities)
    assert objective.score(labels, decided(probabilities, costs)) >= objective.score(
        labels, decided(probabilities, None)
    )


def test_the_weight_of_a_class_with_too_few_cases_is_left_alone() -> None:
    labels, probabilities = rare_classes(0, 300)
    few = np.flatnonzero(labels == 2)[9:]
    labels[few] = 0.0
    assert f1_weights(Objective("f1", 3), labels, probabilities)[2] == 1.0
    assert decision_costs(Objective("f1", 3), labels[:0], probabilities[:0]) is None


@given(seeds, st.integers(3, 6))
def test_weights_answer_the_class_of_the_largest_weighted_probability(seed: int, k: int) -> None:
    probabilities, weights = probabilities_of(seed, k), np.random.default_rng(seed).uniform(0.2, 5, k)
    answers = decided_classes(probabilities, costs_of_weights(weights)).tolist()
    assert answers == (probabilities * weights).argmax(axis=1).tolist()
