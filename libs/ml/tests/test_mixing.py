"""A mixture is never much worse than its best expert, and follows when another becomes the best."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from penstock.ml.online.expert_mixture import PACES, Mixture


def said_by(sure: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """What experts say who give the true class the probabilities `sure`, shape (n, m)."""
    said = np.empty((*sure.shape, 2))
    rows = np.arange(len(targets))
    said[rows, :, targets.astype(int)] = sure
    said[rows, :, 1 - targets.astype(int)] = 1 - sure
    return said


def log_loss(answers: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    return float(-np.log(answers[np.arange(len(targets)), targets.astype(int)]).mean())


def followed(mixture: Mixture, said: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    answers = []
    for row, target in zip(said, targets, strict=True):
        weighed = mixture.weigh(row[None])
        answers.append(mixture.answer(weighed)[0])
        mixture.learn(weighed, np.array([target]))
    return np.array(answers)


@pytest.mark.parametrize("best", [0, 3])
def test_the_best_expert_is_found(best: int) -> None:
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 2, 1500).astype(float)
    sure = rng.uniform(0.2, 0.8, (1500, 4))
    sure[:, best] = rng.uniform(0.7, 0.95, 1500)
    answers = followed(Mixture(4), said_by(sure, targets), targets)
    assert log_loss(answers[500:], targets[500:]) < log_loss(said_by(sure, targets)[500:, best], targets[500:]) + 0.05


def test_another_best_expert_is_followed() -> None:
    rng = np.random.default_rng(2)
    targets = rng.integers(0, 2, 3000).astype(float)
    sure = np.where((np.arange(3000) < 1500)[:, None] == np.array([True, False]), 0.9, 0.2)
    answers = followed(Mixture(2), said_by(sure, targets), targets)
    assert log_loss(answers[1600:], targets[1600:]) < 0.25


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_batches_leave_no_mark_and_weights_stay_shares(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 2, n).astype(float)
    said = said_by(rng.uniform(0, 1, (n, 3)), targets)
    said[rng.random((n, 3)) < 0.2] = np.nan
    at_once, one_by_one = Mixture(3), Mixture(3)
    weighed = at_once.weigh(said)
    at_once.learn(weighed, targets)
    for place in range(n):
        one_by_one.learn(weighed[place : place + 1], targets[place : place + 1])
    assert at_once.to_dict() == one_by_one.to_dict()
    assert np.allclose(at_once.weights.sum(axis=1), 1)
    assert (at_once.weights > 0).all()


def test_who_says_nothing_is_left_out_and_neither_gains_nor_loses() -> None:
    mixture = Mixture(2)
    weighed = mixture.weigh(np.array([[[np.nan, np.nan], [0.1, 0.9]]]))
    assert np.allclose(mixture.answer(weighed), [[0.1, 0.9]])
    mixture.learn(weighed, np.array([1.0]))
    assert np.allclose(mixture.weights, 0.5)


def test_where_nobody_says_anything_there_is_no_answer() -> None:
    mixture = Mixture(2)
    assert np.isnan(mixture.answer(mixture.weigh(np.full((1, 2, 2), np.nan)))).all()


def test_a_pace_is_judged_by_what_it_said_then() -> None:
    mixture = Mixture(2)
    weighed = mixture.weigh(said_by(np.full((1, 2), 0.5), np.array([1.0])))
    weighed[:, 2:] = said_by(np.array([[0.9, 0.5, 0.5]]), np.array([1.0]))
    mixture.learn(weighed, np.array([1.0]))
    assert mixture.paces[0].argmax() == 0
    assert np.allclose(mixture.weights, 0.5)


def test_numbers_are_averaged_and_errors_weighed() -> None:
    mixture = Mixture(2, scale=10.0)
    said = np.array([[[100.0], [200.0]]])
    assert mixture.answer(mixture.weigh(said))[0, 0] == pytest.approx(150.0)
    for _ in range(400):
        mixture.learn(mixture.weigh(said), np.array([100.0]))
    assert abs(mixture.answer(mixture.weigh(said))[0, 0] - 100.0) < 5.0
    assert mixture.weights.shape == (len(PACES), 2)
