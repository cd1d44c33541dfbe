"""A mixture is never much worse than its best expert, and follows when another becomes the best."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from penstock.ml.online.expert_mixture import FORECASTERS, ExpertMixture


def outputs_of(confidence: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Outputs of experts that give the true class the probabilities `confidence`, shape (n, m)."""
    expert_outputs = np.empty((*confidence.shape, 2))
    rows = np.arange(len(targets))
    expert_outputs[rows, :, targets.astype(int)] = confidence
    expert_outputs[rows, :, 1 - targets.astype(int)] = 1 - confidence
    return expert_outputs


def log_loss(outputs: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    return float(-np.log(outputs[np.arange(len(targets)), targets.astype(int)]).mean())


def predict_and_learn(
    mixture: ExpertMixture, expert_outputs: NDArray[np.float64], targets: NDArray[np.float64]
) -> NDArray[np.float64]:
    outputs = []
    for row, target in zip(expert_outputs, targets, strict=True):
        all_outputs = mixture.with_forecasters(row[None])
        outputs.append(mixture.outputs(all_outputs)[0])
        mixture.learn(all_outputs, np.array([target]))
    return np.array(outputs)


@pytest.mark.parametrize("best", [0, 3])
def test_the_best_expert_is_found(best: int) -> None:
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 2, 1500).astype(float)
    confidence = rng.uniform(0.2, 0.8, (1500, 4))
    confidence[:, best] = rng.uniform(0.7, 0.95, 1500)
    outputs = predict_and_learn(ExpertMixture(4), outputs_of(confidence, targets), targets)
    assert (
        log_loss(outputs[500:], targets[500:])
        < log_loss(outputs_of(confidence, targets)[500:, best], targets[500:]) + 0.05
    )


def test_another_best_expert_is_followed() -> None:
    rng = np.random.default_rng(2)
    targets = rng.integers(0, 2, 3000).astype(float)
    confidence = np.where((np.arange(3000) < 1500)[:, None] == np.array([True, False]), 0.9, 0.2)
    outputs = predict_and_learn(ExpertMixture(2), outputs_of(confidence, targets), targets)
    assert log_loss(outputs[1600:], targets[1600:]) < 0.25


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_the_cut_into_batches_changes_nothing_and_weights_stay_shares(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 2, n).astype(float)
    expert_outputs = outputs_of(rng.uniform(0, 1, (n, 3)), targets)
    expert_outputs[rng.random((n, 3)) < 0.2] = np.nan
    at_once, one_at_a_time = ExpertMixture(3), ExpertMixture(3)
    all_outputs = at_once.with_forecasters(expert_outputs)
    at_once.learn(all_outputs, targets)
    for place in range(n):
        one_at_a_time.learn(all_outputs[place : place + 1], targets[place : place + 1])
    assert at_once.to_dict() == one_at_a_time.to_dict()
    assert np.allclose(at_once.weights.sum(axis=1), 1)
    assert (at_once.weights > 0).all()


def test_an_expert_without_an_output_is_left_out_and_neither_gains_nor_loses() -> None:
    mixture = ExpertMixture(2)
    all_outputs = mixture.with_forecasters(np.array([[[np.nan, np.nan], [0.1, 0.9]]]))
    assert np.allclose(mixture.outputs(all_outputs), [[0.1, 0.9]])
    mixture.learn(all_outputs, np.array([1.0]))
    assert np.allclose(mixture.weights, 0.5)


def test_without_any_output_there_is_no_answer() -> None:
    mixture = ExpertMixture(2)
    assert np.isnan(mixture.outputs(mixture.with_forecasters(np.full((1, 2, 2), np.nan)))).all()


def test_a_forecaster_is_weighted_by_its_output_at_prediction() -> None:
    mixture = ExpertMixture(2)
    all_outputs = mixture.with_forecasters(outputs_of(np.full((1, 2), 0.5), np.array([1.0])))
    all_outputs[:, 2:] = outputs_of(np.array([[0.9, 0.5, 0.5]]), np.array([1.0]))
    mixture.learn(all_outputs, np.array([1.0]))
    assert mixture.forecaster_weights[0].argmax() == 0
    assert np.allclose(mixture.weights, 0.5)


def test_numbers_are_averaged_and_errors_change_the_weights() -> None:
    mixture = ExpertMixture(2, scale=10.0)
    expert_outputs = np.array([[[100.0], [200.0]]])
    assert mixture.outputs(mixture.with_forecasters(expert_outputs))[0, 0] == pytest.approx(150.0)
    for _ in range(400):
        mixture.learn(mixture.with_forecasters(expert_outputs), np.array([100.0]))
    assert abs(mixture.outputs(mixture.with_forecasters(expert_outputs))[0, 0] - 100.0) < 5.0
    assert mixture.weights.shape == (len(FORECASTERS), 2)


def test_rare_classes_are_pooled_as_their_experts_give_them() -> None:
    """At a base rate of 0.27 % no two rows are tied, and the pool ranks as well as its best expert."""
    rng, n = np.random.default_rng(5), 20_000
    log_odds = rng.normal(-7.5, 2.0, n)
    targets = (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(float)
    assert 0.001 < targets.mean() < 0.006
    noisy = log_odds[:, None] + rng.normal(0, 1, (n, 3)) * [0.3, 1.0, 3.0]
    positive = 1 / (1 + np.exp(-noisy))
    pooled = predict_and_learn(ExpertMixture(3), np.stack([1 - positive, positive], axis=2), targets)[:, 1]
    assert len(np.unique(pooled)) == n
    best = max(average_precision_score(targets, positive[:, expert]) for expert in range(3))
    assert average_precision_score(targets, pooled) > best - 0.02
    assert pooled.mean() == pytest.approx(targets.mean(), rel=0.5)


@given(st.integers(2, 60), st.floats(0.9, 1.0), st.integers(1, 5))
def test_experts_that_agree_are_pooled_into_what_each_gives(k: int, certainty: float, experts: int) -> None:
    row = np.full(k, (1 - certainty) / (k - 1))
    row[0] = certainty
    mixture = ExpertMixture(experts)
    pooled = mixture.outputs(mixture.with_forecasters(np.tile(row, (1, experts, 1))))
    assert pooled[0] == pytest.approx(row, abs=1e-9)


@given(st.integers(2, 6), st.lists(st.integers(0, 1), max_size=40))
def test_an_expert_that_was_certain_and_wrong_comes_back(experts: int, labels: list[int]) -> None:
    """However wrong it was before, 200 rows on which it alone is right make it the best."""
    mixture = ExpertMixture(experts)
    outputs = np.full((1, experts, 2), 0.5)
    for label in labels:
        outputs[0, 0] = [0.0, 1.0] if label == 0 else [1.0, 0.0]
        mixture.learn(mixture.with_forecasters(outputs), np.array([float(label)]))
    outputs[0, 0] = [0.0, 1.0]
    for _ in range(200):
        mixture.learn(mixture.with_forecasters(outputs), np.array([1.0]))
    assert mixture.outputs(mixture.with_forecasters(outputs))[0, 1] > 0.9


def test_all_experts_certain_and_wrong_leave_shares() -> None:
    mixture = ExpertMixture(2)
    mixture.learn(mixture.with_forecasters(np.array([[[0.0, 1.0]] * 2])), np.array([0.0]))
    assert np.allclose(mixture.weights, 0.5)
    assert np.allclose(mixture.forecaster_weights, 1 / len(FORECASTERS))
