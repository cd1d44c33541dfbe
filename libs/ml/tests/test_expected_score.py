"""Expected scores without labels: the scores of earlier answers in a bin are expected of the next."""

from __future__ import annotations

import numpy as np
import pytest

from penstock.ml.drift.expected_score import CONFIDENCE_EDGES, ExpectedScore


def blocks(seed: int, count: int, truth: object) -> list[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.5, 1.0, (count, 100))
    return [(one, (random.random(100) < truth(one)).astype(float)) for one in confidence]


def test_overconfidence_is_corrected() -> None:
    expected = ExpectedScore(list(CONFIDENCE_EDGES))
    naive, learnt = [], []
    for confidences, hits in blocks(0, 60, lambda confidence: confidence - 0.2):
        estimate = expected.estimate(confidences, confidences)
        naive.append(abs(confidences.mean() - hits.mean()))
        learnt.append(abs(estimate - hits.mean()))
        expected.record_error(estimate, float(hits.mean()))
        expected.update(confidences, hits)
    assert np.mean(naive[20:]) > 0.17
    assert np.mean(learnt[20:]) < 0.06
    assert expected.error < 0.08


def test_a_harder_mix_of_answers_is_expected_to_go_worse() -> None:
    expected = ExpectedScore(list(CONFIDENCE_EDGES))
    for confidences, hits in blocks(0, 40, lambda confidence: confidence):
        expected.update(confidences, hits)
    unsure, sure = np.full(50, 0.55), np.full(50, 0.97)
    assert expected.estimate(unsure, unsure) == pytest.approx(0.55, abs=0.06)
    assert expected.estimate(sure, sure) == pytest.approx(0.97, abs=0.06)


def test_old_scores_fade() -> None:
    expected = ExpectedScore(list(CONFIDENCE_EDGES))
    confidences = np.full(100, 0.8)
    for hits in [np.ones(100)] * 100 + [np.zeros(100)] * 200:
        expected.update(confidences, hits)
    assert expected.estimate(confidences, confidences) < 0.05


def test_losses_of_numbers_are_expected_by_what_is_answered() -> None:
    expected, random = ExpectedScore(), np.random.default_rng(0)
    assert expected.estimate(np.ones(5)) is None
    for _ in range(30):
        confidences = random.uniform(0, 100, 100)
        expected.update(confidences, confidences / 10)
    assert expected.estimate(np.full(20, 95.0)) == pytest.approx(9.5, abs=0.5)
    assert expected.estimate(np.full(20, 5.0)) == pytest.approx(0.5, abs=0.5)
    assert expected.estimate(np.empty(0)) is None


def test_too_few_answers_draw_no_bins() -> None:
    expected = ExpectedScore()
    expected.update(np.arange(5.0), np.ones(5))
    assert expected == ExpectedScore()


def test_its_own_error_is_a_mean_of_the_past() -> None:
    expected = ExpectedScore()
    assert expected.error is None
    for estimate in (1.0, 3.0):
        expected.record_error(estimate, 2.0)
    assert expected.error == pytest.approx(1.0)
