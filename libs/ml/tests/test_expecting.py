"""Estimates without labels: what matured among like answers is what is expected of the next."""

from __future__ import annotations

import numpy as np
import pytest

from penstock.ml.drift.expected_score import CONFIDENCES, ExpectedScore


def blocks(seed: int, count: int, truth: object) -> list[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.5, 1.0, (count, 100))
    return [(one, (random.random(100) < truth(one)).astype(float)) for one in confidence]


def test_an_overconfident_model_is_not_believed() -> None:
    told = ExpectedScore(list(CONFIDENCES))
    naive, learnt = [], []
    for said, hits in blocks(0, 60, lambda confidence: confidence - 0.2):
        estimate = told.estimate(said, said)
        naive.append(abs(said.mean() - hits.mean()))
        learnt.append(abs(estimate - hits.mean()))
        told.judge(estimate, float(hits.mean()))
        told.fold(said, hits)
    assert np.mean(naive[20:]) > 0.17
    assert np.mean(learnt[20:]) < 0.06
    assert told.error < 0.08


def test_a_harder_mix_of_answers_is_expected_to_go_worse() -> None:
    told = ExpectedScore(list(CONFIDENCES))
    for said, hits in blocks(0, 40, lambda confidence: confidence):
        told.fold(said, hits)
    unsure, sure = np.full(50, 0.55), np.full(50, 0.97)
    assert told.estimate(unsure, unsure) == pytest.approx(0.55, abs=0.06)
    assert told.estimate(sure, sure) == pytest.approx(0.97, abs=0.06)


def test_what_is_long_past_is_forgotten() -> None:
    told = ExpectedScore(list(CONFIDENCES))
    said = np.full(100, 0.8)
    for hits in [np.ones(100)] * 100 + [np.zeros(100)] * 200:
        told.fold(said, hits)
    assert told.estimate(said, said) < 0.05


def test_losses_of_numbers_are_expected_by_what_is_answered() -> None:
    told, random = ExpectedScore(), np.random.default_rng(0)
    assert told.estimate(np.ones(5)) is None
    for _ in range(30):
        said = random.uniform(0, 100, 100)
        told.fold(said, said / 10)
    assert told.estimate(np.full(20, 95.0)) == pytest.approx(9.5, abs=0.5)
    assert told.estimate(np.full(20, 5.0)) == pytest.approx(0.5, abs=0.5)
    assert told.estimate(np.empty(0)) is None


def test_too_few_answers_draw_no_bins() -> None:
    told = ExpectedScore()
    told.fold(np.arange(5.0), np.ones(5))
    assert told == ExpectedScore()


def test_its_own_error_is_a_mean_of_the_past() -> None:
    told = ExpectedScore()
    assert told.error is None
    for estimate in (1.0, 3.0):
        told.judge(estimate, 2.0)
    assert told.error == pytest.approx(1.0)
