"""A mixture is never much worse than its best expert, and follows when another becomes the best."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

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
