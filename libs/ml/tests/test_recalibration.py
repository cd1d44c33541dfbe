"""A model whose level or certainty is off is corrected by its outcomes, and one that is right stays as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from penstock.ml.metrics.regression_loss import ABSOLUTE_ERROR, SQUARED_ERROR, RegressionLoss
from penstock.ml.online.recalibration import ClassRecalibration, LevelRecalibration, new_recalibration

Floats = NDArray[np.float64]


def log_loss(probabilities: Floats, targets: Floats) -> float:
    return float(-np.log(probabilities[np.arange(len(targets)), 0, targets.astype(int)]).mean())


def answered_online(recalibration: Any, outputs: Floats, targets: Floats) -> Floats:
    """Each row's corrected output before its outcome is learnt."""
    corrected = np.empty_like(outputs)
    for row in range(len(outputs)):
        corrected[row] = recalibration.outputs(outputs[row : row + 1])[0]
        recalibration.learn(outputs[row : row + 1], targets[row : row + 1])
    return corrected


def labelled(logits: Floats, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Probabilities of two classes by their log odds, shape (n, 1, 2), and classes drawn by them."""
    positive = 1 / (1 + np.exp(-logits))
    return np.stack([1 - positive, positive], axis=1)[:, None], (random.random(len(logits)) < positive).astype(float)


@pytest.mark.parametrize(("sharpness", "shift"), [(3.0, 0.0), (1.0, 2.0), (2.0, -1.5)])
def test_probabilities_that_are_too_sure_or_shifted_become_nearly_those_they_should_be(
    sharpness: float, shift: float
) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=4000)
    right, targets = labelled(logits, random)
    wrong, _ = labelled(logits * sharpness + shift, random)
    corrected = answered_online(ClassRecalibration(1, 2), wrong, targets)
    late = slice(2000, None)
    excess = log_loss(wrong[late], targets[late]) - log_loss(right[late], targets[late])
    assert log_loss(corrected[late], targets[late]) - log_loss(right[late], targets[late]) < 0.1 * excess


def test_probabilities_that_are_right_lose_next_to_nothing() -> None:
    random = np.random.default_rng(1)
    right, targets = labelled(random.normal(size=4000), random)
    corrected = answered_online(ClassRecalibration(1, 2), right, targets)
    assert log_loss(corrected, targets) - log_loss(right, targets) < 0.005


@pytest.mark.parametrize("by_share", [True, False])
@pytest.mark.parametrize("loss", [ABSOLUTE_ERROR, SQUARED_ERROR])
def test_a_level_that_grows_is_followed(loss: RegressionLoss, by_share: bool) -> None:
    random = np.random.default_rng(2)
    answers = random.uniform(20, 100, size=3000)
    growth = np.linspace(1.0, 3.0, 3000)
    labels = answers * growth if by_share else answers + 60 * growth
    labels = labels + random.normal(0, 4, size=3000)
    recalibration = LevelRecalibration(1, 40.0, loss, by_share=by_share)
    corrected = answered_online(recalibration, answers[:, None, None], labels)[:, 0, 0]
    before, after = (np.abs(each - labels)[500:].mean() for each in (answers, corrected))
    assert after < min(6.0, before / 5)


def test_an_outlier_moves_a_level_no_more_than_twice_the_answer_does() -> None:
    outputs, levels = np.full((200, 1, 1), 10.0), []
    for outlier in (20.0, 1e300):
        recalibration = LevelRecalibration(1, 5.0, by_share=True)
        recalibration.learn(outputs, np.full(200, 10.0))
        recalibration.learn(outputs[:1], np.array([outlier]))
        levels.append(recalibration.outputs(outputs[:1])[0, 0, 0])
    assert levels[1] == pytest.approx(levels[0])
    assert levels[0] == pytest.approx(10.0, rel=0.02)


@pytest.mark.parametrize("loss", [ABSOLUTE_ERROR, SQUARED_ERROR])
def test_what_tiny_answers_teach_does_not_blow_up_a_large_one(loss: RegressionLoss) -> None:
    recalibration = LevelRecalibration(1, 5.0, loss, by_share=True)
    recalibration.learn(np.full((3000, 1, 1), 1e-9), np.full(3000, 10.0))
    assert recalibration.outputs(np.array([[[10.0]]]))[0, 0, 0] <= 50.0


def test_shares_are_for_labels_that_are_never_negative_and_quantiles_stay_as_they_are() -> None:
    positive, signed = (new_recalibration(1, 0, np.array([low, 3.0]), ABSOLUTE_ERROR) for low in (0.0, -1.0))
    assert isinstance(positive, LevelRecalibration)
    assert isinstance(signed, LevelRecalibration)
    assert (positive.by_share, signed.by_share) == (True, False)
    assert new_recalibration(1, 0, np.array([1.0, 2.0]), RegressionLoss("pinball", 0.9)) is None


def test_a_model_without_an_output_keeps_its_correction() -> None:
    for recalibration, outputs in (
        (ClassRecalibration(2, 2), np.array([[[0.3, 0.7], [np.nan, np.nan]]])),
        (LevelRecalibration(2, 1.0, by_share=True), np.array([[[2.0], [np.nan]]])),
    ):
        fresh = recalibration.outputs(np.full_like(outputs, 0.5))
        recalibration.learn(outputs, np.array([1.0]))
        after = recalibration.outputs(np.full_like(outputs, 0.5))
        assert not np.allclose(after[0, 0], fresh[0, 0])
        assert np.array_equal(after[0, 1], fresh[0, 1])
        assert np.isnan(recalibration.outputs(outputs)[0, 1]).all()
