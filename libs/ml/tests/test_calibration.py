"""Calibration: what it repairs, what it leaves as it is, which rows choose it, and that a package keeps it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.ml.features.class_index import ClassIndex
from penstock.ml.metrics.probability_losses import log_losses
from penstock.ml.models.calibration import Calibration, calibrated, softmax
from penstock.ml.online.blend import Blend
from penstock.ml.package import zip_archive
from penstock.ml.package.model_package import UnusablePackage, pack, unpack
from penstock.ml.selection.calibration import calibration_losses, choose_calibration, fit_calibration

from .model_cases import MODELS
from .test_package_upgrades import rewritten

seeds = st.integers(0, 2**20)
N = 2000
NEXT_ROW = np.arange(1, N + 1)


def truth(seed: int, k: int, n: int = N, base: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels of k classes, drawn by the probabilities beside them; `base` makes the first class likelier."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(n, k))
    scores[:, 0] += base
    probabilities = softmax(scores)
    labels = (random.random((n, 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=k - 1)
    return labels.astype(float), probabilities


def loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    return float(log_losses(probabilities, labels.astype(np.int64)).mean())


def choose(labels: np.ndarray, probabilities: np.ndarray, known_at: np.ndarray = NEXT_ROW) -> Calibration | None:
    return choose_calibration(labels, probabilities, known_at, np.arange(len(labels)))


@pytest.mark.parametrize("k", [2, 3, 8])
def test_calibrated_probabilities_are_left_as_they_are(k: int) -> None:
    chosen = [choose(*truth(seed, k)) for seed in range(20)]
    assert sum(each is not None for each in chosen) <= 2


@pytest.mark.parametrize(("k", "base"), [(2, 0.0), (2, 4.0), (3, 0.0), (8, 0.0)])
@pytest.mark.parametrize("distortion", [(2.5, 0.0), (0.4, 0.0), (1.0, 1.5)], ids=["too sure", "too timid", "shifted"])
def test_distorted_probabilities_are_repaired(k: int, base: float, distortion: tuple[float, float]) -> None:
    scale, bias = distortion
    labels, true = truth(1, k, base=base)
    distorted = Calibration(scale, (0.0, bias, *[0.0] * (k - 2))).apply(true)
    calibration = choose(labels, distorted)
    assert calibration is not None
    later_labels, later = truth(2, k, base=base)
    unseen = Calibration(scale, (0.0, bias, *[0.0] * (k - 2))).apply(later)
    lost, left = (loss(later_labels, each) - loss(later_labels, later) for each in (unseen, calibration.apply(unseen)))
    assert left < 0.2 * lost


@settings(max_examples=20)
@given(seeds, st.integers(2, 5), st.floats(0.3, 3), st.floats(-1, 1))
def test_a_fit_loses_no_more_than_what_it_is_fitted_on(seed: int, k: int, scale: float, bias: float) -> None:
    labels, true = truth(seed, k, 100)
    outputs = Calibration(scale, (bias, *[0.0] * (k - 1))).apply(true)
    assert loss(labels, fit_calibration(labels, outputs).apply(outputs)) <= loss(labels, outputs) + 1e-9


def test_without_rows_nothing_changes() -> None:
    outputs = truth(0, 3)[1]
    few = fit_calibration(np.empty(0), np.empty((0, 3)))
    assert np.allclose(few.apply(outputs), outputs)
    assert (
        choose(*(each[:150] for each in (truth(0, 2)[0], Calibration(4.0, (0.0, 0.0)).apply(truth(0, 2)[1])))) is None
    )


@given(seeds, st.floats(0.11, 5), st.floats(-3, 3))
def test_the_order_by_one_of_two_probabilities_stays(seed: int, scale: float, bias: float) -> None:
    outputs = truth(seed, 2, 50)[1]
    after = Calibration(scale, (0.0, bias)).apply(outputs)
    assert np.argsort(after[:, 1], kind="stable").tolist() == np.argsort(outputs[:, 1], kind="stable").tolist()


@given(seeds, st.integers(2, 6))
def test_a_row_is_calibrated_as_it_is_among_others(seed: int, k: int) -> None:
    outputs, calibration = truth(seed, k, 30)[1], Calibration(0.7, tuple(np.linspace(-1, 1, k).tolist()))
    alone = np.concatenate([calibration.apply(row[None]) for row in outputs])
    assert calibration.apply(outputs).tolist() == alone.tolist()


def test_a_calibration_is_fitted_on_labels_known_before_those_that_test_it() -> None:
    labels, true = truth(3, 2)
    distorted = Calibration(2.5, (0.0, 0.0)).apply(true)
    assert choose(labels, distorted) is not None
    assert choose(labels, distorted, np.full(N, N)) is None


def test_what_helped_long_ago_and_harms_now_is_not_chosen() -> None:
    labels, true = truth(4, 2)
    outputs = Calibration(3.0, (0.0, 0.0)).apply(true)
    outputs[-N // 8 :] = Calibration(0.6, (0.0, 0.0)).apply(true[-N // 8 :])
    assert choose(labels, outputs) is None


def test_rows_of_one_class_choose_nothing() -> None:
    outputs = truth(5, 2, base=4.0)[1]
    assert choose(np.zeros(N), outputs) is None
    few = np.zeros(N)
    few[[100, 300, 700]] = 1.0
    assert choose(few, outputs) is None


def test_calibration_losses_are_near_zero_where_calibrated_and_grow_with_the_distortion() -> None:
    labels, true = truth(5, 3)
    means = [
        float(calibration_losses(labels, Calibration(scale, (0.0,) * 3).apply(true)).mean()) for scale in (1, 1.5, 3)
    ]
    assert 0 <= means[0] < 0.002
    assert means[0] < means[1] < means[2]


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("name", ["linear", "boosting", "forest", "blend"])
def test_a_package_keeps_the_calibration(name: str, task: str, mixed: Any, later: Any) -> None:
    plain = MODELS[name](mixed, task)
    calibration = Calibration(0.5, tuple(np.linspace(-1, 1, len(plain.classes)).tolist()))
    model = replace(plain, calibration=calibration)
    loaded = unpack(pack(model, later.frame.take(slice(0, 20))))
    before, expected, answers = (each.predict(later.frame) for each in (plain, model, loaded))
    assert loaded.calibration == calibration
    assert before.probabilities is not None
    assert answers.probabilities is not None
    assert np.allclose(answers.probabilities, calibration.apply(before.probabilities), rtol=1e-9)
    assert answers.values == expected.values
    assert answers.values == ClassIndex(plain.classes).labels(answers.probabilities.argmax(axis=1))
    if isinstance(loaded, Blend):  # what it learns from is as without a calibration
        assert before.expert_outputs is not None
        assert answers.expert_outputs is not None
        assert np.allclose(answers.expert_outputs, before.expert_outputs, rtol=1e-9)


def test_a_fused_model_is_calibrated_as_its_estimator_is(mixed: Any, later: Any) -> None:
    calibration = Calibration(2.0, (1.0, 0.0, -1.0))
    model = replace(MODELS["boosting"](mixed, "binary"), calibration=calibration)
    fused = unpack(pack(model, later.frame.take(slice(0, 20))))
    assert (model.fused, fused.fused) != (fused.fused, model.fused)  # type: ignore[union-attr]
    ours, plain = (each.predict(later.frame).probabilities for each in (fused, model))
    assert ours is not None
    assert plain is not None
    assert np.allclose(ours, plain, rtol=1e-9)


def test_a_package_without_a_calibration_says_nothing_of_it(mixed: Any, later: Any) -> None:
    model, golden = MODELS["linear"](mixed, "binary"), later.frame.take(slice(0, 20))
    k = len(model.classes)
    plain, changed = pack(model, golden), pack(replace(model, calibration=Calibration(0.5, (0.0,) * k)), golden)
    manifests = [json.loads(zip_archive.read(package)["manifest.json"]) for package in (plain, changed)]
    assert [each["format"] for each in manifests] == [1, 3]
    assert set(manifests[1]) - set(manifests[0]) == {"calibration"}
    for wrong in (
        None,
        {},
        {"scale": 0.0, "biases": [0.0] * k},
        {"scale": 1.0, "biases": [0.0]},
        {"scale": 0.6, "biases": [0.0] * k},
    ):
        bad = rewritten(changed, lambda manifest, wrong=wrong: manifest.update(calibration=wrong))  # type: ignore[misc]
        with pytest.raises(UnusablePackage):
            unpack(bad)


def test_no_calibration_costs_nothing() -> None:
    outputs = truth(0, 2)[1]
    assert calibrated(outputs, None) is outputs
