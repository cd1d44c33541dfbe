"""No learner, detector or metric knows the unit of a label or a feature: in another unit it does the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ml import metrics
from penstock.ml.drift.detectors import DETECTORS, SequentialDetector
from penstock.ml.drift.expected_score import ExpectedScore
from penstock.ml.drift.multivariate import domain_drift, reconstruction_drift
from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.drift.rise_detector import RiseDetector
from penstock.ml.drift.sequential_ranks import SequentialRanks
from penstock.ml.drift.shortfall import log_evidence
from penstock.ml.features.frame import Frame
from penstock.ml.metrics.confidence_sequences import Moments, always_valid
from penstock.ml.metrics.objective import Answers, Objective
from penstock.ml.metrics.regression_loss import ABSOLUTE_ERROR, SQUARED_ERROR, RegressionLoss
from penstock.ml.models.baseline import BASELINE, baseline
from penstock.ml.models.constant import Constant
from penstock.ml.models.families import FAMILIES, fit
from penstock.ml.models.model import Model
from penstock.ml.models.training_data import TrainingData
from penstock.ml.online.additive import AdditiveModels, softmax
from penstock.ml.online.blend import BLEND, Blend
from penstock.ml.online.column_bins import ColumnBins
from penstock.ml.online.expert_mixture import ExpertMixture
from penstock.ml.online.recalibration import ClassRecalibration, LevelRecalibration
from penstock.ml.package.model_package import UnusablePackage, pack, unpack
from penstock.ml.package.zip_archive import read, write
from penstock.ml.selection.family_selection import select_family
from penstock.ml.selection.validation_plan import ValidationPlan

from .conftest import FIELDS, Table, table
from .exports import with_any_of
from .model_cases import MODELS, blend_of, expert_outputs_of, numbers_of, of_family

pytestmark = pytest.mark.usefixtures("one_thread")

ROWS = 90
UNITS = (1e-9, 1e5)
LOSSES = (ABSOLUTE_ERROR, SQUARED_ERROR, RegressionLoss("pinball", 0.9))
Numbers = np.ndarray


def plain(labels: Numbers) -> Numbers:
    return labels


def mostly_zero(labels: Numbers) -> Numbers:
    """Two thirds are 0, as of claims."""
    return np.maximum(labels - np.quantile(labels, 0.66), 0.0)


def heavy(labels: Numbers) -> Numbers:
    return np.exp(2 * labels)


KINDS = (plain, mostly_zero, heavy)
every_unit = pytest.mark.parametrize("unit", UNITS)
every_kind = pytest.mark.parametrize("kind", KINDS)
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)

LEARNERS: dict[str, Callable[[Table, RegressionLoss], Model | Blend]] = {
    **{name: lambda rows, loss, name=name: of_family(name, loss)(rows, "regression") for name in FAMILIES},
    BLEND: lambda rows, loss: blend_of(rows, "regression", loss),
    BASELINE: lambda rows, loss: baseline(
        "regression", (), loss.centre_and_scale(np.array(rows.labels["regression"]))[0], FIELDS
    ),
    "one class": lambda rows, loss: fit(
        "linear", TrainingData(rows.frame, rows.labels["regression"], [], "regression", loss=loss)
    ),
}


def rows_of(kind: Callable[[Numbers], Numbers], unit: float = 1.0, shift: float = 0.0) -> Table:
    made = table(ROWS, seed=3)
    return Table(made.frame, {"regression": (kind(np.array(made.labels["regression"])) * unit + shift).tolist()})


def answers(learner: str, rows: Table, loss: RegressionLoss) -> Numbers:
    return numbers_of(LEARNERS[learner](rows, loss).predict(rows.frame))[:, 0]


def test_every_learner_has_laws_of_units() -> None:
    assert set(LEARNERS) == set(MODELS)
    recalibrations = {ClassRecalibration, LevelRecalibration}
    assert with_any_of("learn", "predict") == {AdditiveModels, ExpertMixture, Blend, Model, Constant} | recalibrations


# --- learners


@pytest.mark.parametrize("learner", LEARNERS)
@every_kind
@every_loss
def test_labels_in_another_unit_are_answered_in_that_unit(learner: str, kind: Any, loss: RegressionLoss) -> None:
    before = answers(learner, rows_of(kind), loss)
    spread = np.ptp(rows_of(kind).labels["regression"])
    for unit in UNITS:
        assert answers(learner, rows_of(kind, unit), loss) / unit == pytest.approx(before, abs=1e-3 * spread)
    near = 1e3 * spread if learner == BLEND else 0.0  # a blend follows the level of labels above 0 by shares
    found, nearer = (answers(learner, rows_of(kind, shift=each), loss) - each for each in (1e6, near))
    assert found == pytest.approx(nearer, abs=1e-2 * spread)


@pytest.mark.parametrize("learner", [*FAMILIES, BLEND])
@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize(("unit", "shift"), [(1e-6, 0.0), (1e5, 0.0), (1.0, 1e6)])
def test_features_in_another_unit_change_no_answer(learner: str, task: str, unit: float, shift: float) -> None:
    rows = table(ROWS, seed=3)
    moved = Frame({**rows.frame.columns, "debt": rows.frame.columns["debt"] * unit + shift}, rows.frame.times)
    found, before = (
        numbers_of(MODELS[learner](each, task).predict(each.frame)) for each in (Table(moved, rows.labels), rows)
    )
    assert found == pytest.approx(before, abs=1e-3 * np.ptp(before))


@every_loss
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=30), st.sampled_from([2.0**-40, 2.0**30]))
def test_the_scale_of_labels_follows_their_unit_and_is_one_only_where_all_are_equal(
    loss: RegressionLoss, labels: list[int], unit: float
) -> None:
    numbers = np.array(labels, dtype=float)
    (centre, scale), (found_centre, found_scale) = (loss.centre_and_scale(each) for each in (numbers, numbers * unit))
    assert found_centre == pytest.approx(centre * unit, rel=1e-9, abs=1e-12 * unit)
    if len(set(labels)) == 1 or not np.ptp(numbers - centre):
        assert found_scale == scale == 1.0
    else:
        assert found_scale == pytest.approx(scale * unit)


@every_unit
@every_kind
def test_what_predictions_carry_tells_experts_apart_in_any_unit(unit: float, kind: Any) -> None:
    rows = rows_of(kind, unit, shift=1e3 * unit)
    blend = blend_of(rows, "regression")
    outputs = expert_outputs_of(blend, rows.frame)
    carried = blend.decode_expert_outputs(blend.encode_expert_outputs(outputs))
    assert carried == pytest.approx(outputs, abs=1e-3 * blend.mixture.scale)


@every_loss
def test_a_mixture_follows_the_expert_that_loses_least(loss: RegressionLoss) -> None:
    """Two constants: of mostly zeros 0 has the least absolute error, the mean the least squared one."""
    labels = np.where(np.random.default_rng(0).random(3000) < 0.7, 0.0, 10.0)
    best = loss.centre_and_scale(labels)[0]
    experts = np.array([0.0, 3.0, 10.0])
    mixture = ExpertMixture(3, loss.centre_and_scale(labels)[1], loss=loss)
    mixture.learn(mixture.with_forecasters(np.tile(experts[:, None], (len(labels), 1, 1))), labels)
    assert abs(experts[mixture.weights[0].argmax()] - best) < 0.5


@pytest.mark.parametrize(("loss", "low", "high"), [(ABSOLUTE_ERROR, -0.1, 1.5), (SQUARED_ERROR, 2.0, 4.0)])
def test_an_additive_model_of_mostly_zeros_learns_what_its_loss_asks_for(
    loss: RegressionLoss, low: float, high: float
) -> None:
    random = np.random.default_rng(1)
    labels = np.where(random.random(6000) < 0.7, 0.0, 10.0)
    bins = ColumnBins.fit(random.normal(size=(6000, 2)), np.zeros(2, bool))
    model = AdditiveModels(bins, (0.01,), 1, *loss.centre_and_scale(labels), loss)
    indices = bins.bin_indices(random.normal(size=(6000, 2)))
    model.learn(indices, labels)
    assert low <= model.outputs(indices).mean() <= high


@pytest.mark.parametrize("k", [2, 5])
def test_three_hundred_columns_are_learnt_as_well_as_few(k: int) -> None:
    random = np.random.default_rng(2)
    matrix = random.normal(size=(1500, 300))
    scores = matrix[:, :k] * 2
    labels = np.array([random.choice(k, p=each) for each in softmax(scores)])
    bins = ColumnBins.fit(matrix, np.zeros(300, bool))
    model, indices = AdditiveModels(bins, (0.1,), k), bins.bin_indices(matrix)
    losses = []
    for row, label in zip(indices, labels, strict=True):
        losses.append(-np.log(max(float(model.outputs(row[None])[0, 0, label]), 1e-15)))
        model.learn(row[None], np.array([float(label)]))
    assert np.mean(losses[500:]) < log(k) * 1.2


@every_unit
@every_loss
def test_another_unit_selects_the_same_candidates(unit: float, loss: RegressionLoss) -> None:
    """The forest, since the label has many bends; of equals the simpler family would win."""
    objective = Objective({"squared_error": "rmse", "pinball": "pinball"}.get(loss.name, "mae"), quantile=loss.quantile)
    rows = table(240, seed=3)
    labels = np.abs(2 * rows.frame.columns["debt"] % 2 - 1.0)

    def selected(unit: float) -> Any:
        data = TrainingData(rows.frame, (labels * unit).tolist(), FIELDS, "regression", loss=loss)
        return select_family(["linear", "forest"], data, ValidationPlan(1), objective=objective)

    before, found = selected(1.0), selected(unit)
    assert found.best == before.best
    assert before.best.family == "forest"
    for name, scores in before.scores.items():
        assert np.array(found.scores[name]) / unit == pytest.approx(np.array(scores), rel=1e-2)


@every_unit
def test_other_answers_are_refused_in_any_unit(unit: float) -> None:
    rows = rows_of(plain, unit)
    packed = pack(of_family("linear")(rows, "regression"), rows.frame.take([0, 1, 2]))
    unpack(packed)
    members = read(packed)
    golden = json.loads(members["golden.json"])
    golden["values"][1] += 1e-4 * unit
    members["golden.json"] = json.dumps(golden).encode()
    manifest = json.loads(members["manifest.json"])
    manifest["sha256"]["golden.json"] = hashlib.sha256(members["golden.json"]).hexdigest()
    with pytest.raises(UnusablePackage, match="otherwise"):
        unpack(write(members | {"manifest.json": json.dumps(manifest).encode()}))


# --- detectors


def calm_then_worse(seed: int, zeros: float = 0.0) -> Numbers:
    random = np.random.default_rng(seed)
    is_calm = np.arange(900) < 500
    values = random.exponential(size=900) * np.where(is_calm, 1.0, 4.0)
    return np.where(random.random(900) < np.where(is_calm, zeros, 0.0), 0.0, values)


@every_unit
@pytest.mark.parametrize("zeros", [0.0, 0.95])
@pytest.mark.parametrize("name", [name for name in DETECTORS if not DETECTORS[name].binary])
def test_errors_in_another_unit_raise_the_same_alarms(name: str, zeros: float, unit: float) -> None:
    values = np.concatenate([np.zeros(150), calm_then_worse(4, zeros)])
    found, before = (SequentialDetector(name, bounded=False).alarms(each) for each in (values * unit, values))
    assert found == before != []


@every_unit
def test_a_rise_in_another_unit_is_the_same_change(unit: float) -> None:
    found, before = (
        RiseDetector(["adwin", "page-hinkley"], law="exponential").observe(each.tolist())
        for each in (calm_then_worse(1) * unit, calm_then_worse(1))
    )
    assert found == before
    assert before is not None
    ranks = (SequentialRanks().add((calm_then_worse(1)[:60] * each).tolist()) for each in (1.0, unit))
    np.testing.assert_array_equal(*ranks)


@pytest.mark.parametrize("row_test", [reconstruction_drift, domain_drift])
@pytest.mark.parametrize(("unit", "shift"), [(1e-9, 0.0), (1e5, 0.0), (1.0, 1e9)])
def test_rows_in_another_unit_have_drifted_as_much(row_test: Any, unit: float, shift: float) -> None:
    random = np.random.default_rng(0)
    columns = np.array([[1.0, 0.9], [0.0, 0.4]])
    samples = [random.normal(size=(120, 2)) @ columns * scale for scale in (1.0, 2.0)]
    before, found = row_test(*samples), row_test(*(rows * unit + shift for rows in samples))
    assert found.value == pytest.approx(before.value, rel=0.02)
    assert found.p_value == pytest.approx(before.p_value, rel=0.3, abs=1e-6)


@every_unit
def test_counts_estimates_and_evidence_are_those_in_another_unit(unit: float) -> None:
    values = calm_then_worse(2)
    counts = (ReferenceBins.of(each, "number").count(each[::3]) for each in (values, values * unit))
    np.testing.assert_array_equal(*counts)
    estimates = []
    for each in (1.0, unit):
        expected = ExpectedScore()
        expected.update(values[:500] * each, values[:500] * each / 2)
        estimates.append(expected.estimate(values[500:] * each))
    assert estimates[1] == pytest.approx(estimates[0] * unit)
    live, holdout = (
        [Moments.of((part * each).tolist()) for each in (1.0, unit)] for part in (values[600:], values[:500])
    )
    assert log_evidence(live[1], holdout[1]) == pytest.approx(log_evidence(live[0], holdout[0]))


# --- metrics

SCORES: dict[str, tuple[Callable[[Numbers, Numbers], float], int]] = {
    "mae": (lambda labels, found: metrics.mae(labels.tolist(), found.tolist()), 1),
    "rmse": (lambda labels, found: metrics.rmse(labels.tolist(), found.tolist()), 1),
    "objective mae": (lambda labels, found: Objective("mae").score(labels, Answers(found)), 1),
    "objective rmse": (lambda labels, found: Objective("rmse").score(labels, Answers(found)), 1),
    "objective pinball": (lambda labels, found: Objective("pinball", 0, 0.9).score(labels, Answers(found)), 1),
    "gain": (lambda labels, found: Objective("rmse").gain(labels, Answers(found), Answers(found / 2)).low, 1),
    "losses of rmse": (lambda labels, found: float(Objective("rmse").losses(labels, Answers(found)).sum()), 2),
    "mean interval": (lambda labels, found: metrics.mean_interval(np.abs(labels - found)).high, 1),
    "paired difference": (lambda labels, found: metrics.paired_difference(labels, found).high, 1),
    "always valid": (lambda *both: always_valid(Moments.of(both[0].tolist()), scale=float(np.std(both[0]))).low, 1),
    "metrics mae": (lambda labels, found: metrics.regression_metrics(found, labels)["mae"].value, 1),
    "metrics rmse": (lambda labels, found: metrics.regression_metrics(found, labels)["rmse"].value, 1),
    "metrics pinball": (lambda labels, found: metrics.regression_metrics(found, labels)["pinball_90"].value, 1),
    "mape": (lambda labels, found: metrics.regression_metrics(found, labels)["mape"].value, 0),
}
"""Each score, and the power of the labels' unit that it has."""


@pytest.mark.parametrize("name", SCORES)
@every_unit
def test_a_score_has_the_unit_of_the_labels(name: str, unit: float) -> None:
    score, power = SCORES[name]
    labels, found = calm_then_worse(5)[:80], calm_then_worse(6)[:80]
    assert score(labels * unit, found * unit) == pytest.approx(score(labels, found) * unit**power)
