"""A blend learns outcome by outcome, the same however they come, and is the same wherever it is loaded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.features.lag_features import LabelHistory, Lags, with_lag_features
from penstock.ml.metrics.regression_loss import ABSOLUTE_ERROR
from penstock.ml.models.families import fit
from penstock.ml.models.model import Task
from penstock.ml.models.training_data import TrainingData
from penstock.ml.online.blend import Blend, new_groups
from penstock.ml.online.expert_mixture import ExpertMixture
from penstock.ml.online.prequential import evaluate_prequentially
from penstock.ml.package import zip_archive
from penstock.ml.package.model_package import UnusablePackage, pack, unpack

FIELDS = [Field("x", "number"), Field("town", "category")]
LAGS = Lags((1,), 4)
CLASSES = ("no", "yes")


def rows(n: int, seed: int = 0) -> tuple[Frame, NDArray[np.float64]]:
    """Frame and targets: whether x is above 0, but for town b the other way round."""
    rng = np.random.default_rng(seed)
    x, town = rng.normal(size=n), rng.choice(["a", "b"], n)
    targets = ((x > 0) == (town == "a")).astype(float)
    x[rng.random(n) < 0.05] = np.nan
    frame = Frame({"x": x, "town": column("category", town.tolist())}, times(np.arange(n).tolist()))
    before = np.concatenate([[np.nan], targets[:-1]])
    return with_lag_features(frame, LAGS, np.column_stack([before, before])), targets


def blend_for(task: Task, frame: Frame, targets: NDArray[np.float64]) -> Blend:
    classes = () if task == "regression" else CLASSES
    labels = targets.tolist() if task == "regression" else [CLASSES[int(target)] for target in targets]
    encoder = Encoder.fit(frame, FIELDS)
    groups = new_groups(encoder, LAGS, frame, targets, len(classes))
    frozen = (fit("linear", TrainingData(frame, labels, FIELDS, task, classes=classes or None)),)
    experts = 1 + sum(len(group.models.rates) for group in groups)
    mixture = ExpertMixture(experts, ABSOLUTE_ERROR.centre_and_scale(targets)[1])
    return Blend(task, classes, encoder, LAGS, frozen, groups, mixture, LabelHistory(LAGS))


def teach(blend: Blend, frame: Frame, targets: NDArray[np.float64], step: int) -> Blend:
    for start in range(0, len(frame), step):
        some = frame.take(slice(start, start + step))
        expert_outputs = blend.decode_expert_outputs(
            blend.encode_expert_outputs(np.full((len(some), blend.mixture.output_count, blend.width), 0.5))
        )
        blend.learn(blend.bin_indices(some), expert_outputs, targets[start : start + step])
    return blend


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_it_learns_what_its_frozen_model_cannot(task: Task) -> None:
    frame, targets = rows(3000)
    past, future = slice(0, 2000), slice(2000, 3000)
    blend = blend_for(task, frame.take(past), targets[past])
    frozen = np.full((2000, 1, blend.width), np.nan)
    evaluate_prequentially(blend, frame.take(past), frozen, targets[past], np.arange(2000))
    expert_outputs = blend.predict(frame.take(future)).expert_outputs
    assert expert_outputs is not None
    right = (expert_outputs[:, :, -1] > 0.5) == (targets[future] > 0.5)[:, None]
    experts = blend.mixture.weights.shape[1]
    linear, pairs = right[:, 0].mean(), right[:, experts - 1].mean()  # the last group looks at pairs of columns
    assert linear < 0.65
    assert pairs > 0.85


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_the_cut_into_batches_changes_nothing(task: Task) -> None:
    frame, targets = rows(300)
    once, often = (teach(blend_for(task, frame, targets), frame, targets, step) for step in (300, 7))
    assert pack(once, frame.take([0, 1])) == pack(often, frame.take([0, 1]))


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_an_unpacked_blend_answers_and_learns_like_the_original(task: Task) -> None:
    frame, targets = rows(400)
    blend = teach(blend_for(task, frame, targets), frame.take(slice(0, 200)), targets[:200], 200)
    blend.label_history.add("somebody", 1.0)
    unpacked = unpack(pack(blend, frame.take([0, 5, 9])))
    assert isinstance(unpacked, Blend)
    for one in (blend, unpacked):
        teach(one, frame.take(slice(200, 400)), targets[200:], 50)
    assert (
        unpacked.predict(frame).values == pytest.approx(blend.predict(frame).values) if task == "regression" else True
    )
    assert np.allclose(unpacked.predict(frame).expert_outputs, blend.predict(frame).expert_outputs)
    assert unpacked.label_history.to_dict() == blend.label_history.to_dict()


def test_weights_that_were_changed_are_refused() -> None:
    frame, targets = rows(200)
    data = pack(blend_for("binary", frame, targets), frame.take([0, 1]))
    members = zip_archive.read(data)
    members["weights-0.npy"] = members["weights-1.npy"]
    with pytest.raises(UnusablePackage):
        unpack(zip_archive.write(members))


def test_expert_outputs_survive_encoding() -> None:
    frame, targets = rows(50)
    blend = blend_for("binary", frame, targets)
    expert_outputs = blend.predict(frame).expert_outputs
    assert expert_outputs is not None
    assert np.allclose(
        blend.decode_expert_outputs(blend.encode_expert_outputs(expert_outputs)), expert_outputs, atol=1e-4
    )


def test_outputs_of_other_experts_are_not_used() -> None:
    frame, targets = rows(50)
    blend = blend_for("binary", frame, targets)
    assert np.isnan(blend.decode_expert_outputs([None, [0.5], [0.5] * 99])).all()


def test_no_prequential_answer_knows_a_label_before_it_came() -> None:
    frame, targets = rows(240)
    known_counts = np.maximum(np.arange(240) - 30, 0) // 8 * 8

    def evaluate(labels: NDArray[np.float64]) -> NDArray[np.float64]:
        blend = replace(blend_for("binary", frame, targets), mixture=ExpertMixture(9))
        blend.groups = new_groups(blend.encoder, LAGS, frame, targets, 2)
        blend.mixture = ExpertMixture(1 + sum(len(group.models.rates) for group in blend.groups))
        return evaluate_prequentially(blend, frame, np.full((240, 1, 2), np.nan), labels, known_counts)

    changed = targets.copy()
    changed[120:] = 1 - changed[120:]
    before, after = evaluate(targets), evaluate(changed)
    untouched = known_counts <= 120
    assert np.array_equal(before[untouched], after[untouched])
    assert not np.array_equal(before, after)
