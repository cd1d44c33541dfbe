"""Laws of what folds outcome by outcome, and of whatever is kept as plain data between two outcomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.key_history import KeyHistory
from penstock.ml.features.lag_features import LabelHistory, Lags
from penstock.ml.features.target_statistics import TargetStatistics
from penstock.ml.models.calibration import Calibration
from penstock.ml.models.families import fit
from penstock.ml.models.training_data import TrainingData
from penstock.ml.online.additive import AdditiveModels
from penstock.ml.online.blend import Blend
from penstock.ml.online.column_bins import ColumnBins
from penstock.ml.online.expert_mixture import ExpertMixture
from penstock.ml.online.recalibration import ClassRecalibration, LevelRecalibration
from penstock.ml.package.model_package import pack, unpack

from .conftest import Table, table
from .exports import with_any_of
from .model_cases import TASKS, blend_of, classes_of, expert_outputs_of, targets_of

LEARNERS: dict[type, tuple[str, ...]] = {
    AdditiveModels: TASKS,
    ExpertMixture: TASKS,
    Blend: TASKS,
    ClassRecalibration: ("binary", "multiclass"),
    LevelRecalibration: ("regression",),
}
"""The tasks of each."""

LearnArguments = tuple[Any, ...]
"""What a learner is arguments: the arguments of `learn` but for the targets."""

every_learner_of_numbers = pytest.mark.parametrize(
    "kind", [kind for kind, tasks in LEARNERS.items() if "regression" in tasks]
)
every_learner = pytest.mark.parametrize(
    ("kind", "task"), [(kind, task) for kind, tasks in LEARNERS.items() for task in tasks]
)
every_task = pytest.mark.parametrize("task", TASKS)
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def training() -> Table:
    return table(80, seed=3)


@pytest.fixture(scope="module")
def blends(training: Table) -> dict[str, Blend]:
    return {task: blend_of(training, task) for task in TASKS}


def test_every_learner_has_laws() -> None:
    assert with_any_of("learn") == set(LEARNERS)


def fresh(kind: type, training: Table, blend: Blend) -> tuple[Any, LearnArguments]:
    """A learner of its own, and what it is arguments."""
    mine = deepcopy(blend)
    outputs, bin_indices = expert_outputs_of(blend, training.frame), blend.bin_indices(training.frame)
    if kind is ExpertMixture:
        return mine.mixture, (outputs,)
    if kind is AdditiveModels:
        return mine.groups[-1].models, (bin_indices[-1],)
    if kind in (ClassRecalibration, LevelRecalibration):
        return mine.recalibration, (outputs[:, :1],)
    return mine, (bin_indices, outputs)


def part(arguments: LearnArguments, rows: slice) -> list[Any]:
    return [[group[rows] for group in each] if isinstance(each, list) else each[rows] for each in arguments]


def state(learner: Any) -> str:
    """Everything that a learner holds, to the last bit."""
    if isinstance(learner, Blend):
        parts = [learner.mixture, learner.recalibration, *(group.models for group in learner.groups)]
        return repr([state(part) for part in parts if part is not None])
    return repr((learner.to_dict(), learner.weights.tobytes() if isinstance(learner, AdditiveModels) else None))


def reloaded(learner: Any, training: Table) -> Any:
    """The learner as it is found where it was kept."""
    if isinstance(learner, Blend):
        return unpack(pack(learner, training.frame.take([0, 1])))
    plain = json.loads(json.dumps(learner.to_dict()))
    return (
        AdditiveModels.from_dict(plain, learner.weights)
        if isinstance(learner, AdditiveModels)
        else type(learner).from_dict(plain)
    )


@every_learner
def test_outcomes_learnt_at_once_or_one_at_a_time_give_the_same_state(
    training: Table, blends: Any, kind: type, task: str
) -> None:
    targets = targets_of(training, task)
    (once, arguments), (often, _) = (fresh(kind, training, blends[task]) for _ in range(2))
    once.learn(*arguments, targets)
    for place in range(len(targets)):
        rows = slice(place, place + 1)
        often.learn(*part(arguments, rows), targets[rows])
    assert state(once) == state(often)


@every_learner
def test_what_was_kept_and_learns_on_is_what_was_never_kept(
    training: Table, blends: Any, kind: type, task: str
) -> None:
    targets, (first, then) = targets_of(training, task), (slice(0, 30), slice(30, None))
    learner, arguments = fresh(kind, training, blends[task])
    learner.learn(*part(arguments, first), targets[first])
    again = reloaded(learner, training)
    assert state(again) == state(learner)
    for one in (learner, again):
        one.learn(*part(arguments, then), targets[then])
    assert state(again) == state(learner)


@every_learner
def test_an_empty_batch_changes_nothing_and_an_outcome_does(
    training: Table, blends: Any, kind: type, task: str
) -> None:
    learner, arguments = fresh(kind, training, blends[task])
    before, targets = state(learner), targets_of(training, task)
    learner.learn(*part(arguments, slice(0, 0)), targets[:0])
    assert state(learner) == before
    learner.learn(*part(arguments, slice(0, 1)), targets[:1])
    assert state(learner) != before


@every_learner_of_numbers
def test_no_number_however_huge_makes_a_learner_useless(training: Table, blends: Any, kind: type) -> None:
    learner, arguments = fresh(kind, training, blends["regression"])
    huge = np.where(np.arange(len(training.frame)) % 2, 1.0, -1.0) * 1.7e308
    learner.learn(*arguments, huge)
    assert "nan" not in state(learner)
    found = learner.predict(training.frame).values if isinstance(learner, Blend) else learner.outputs(arguments[0])
    assert np.isfinite(found).all()


@every_learner
def test_a_constant_label_is_learnt_without_breaking_anything(
    training: Table, blends: Any, kind: type, task: str
) -> None:
    learner, arguments = fresh(kind, training, blends[task])
    for _ in range(30):
        learner.learn(*part(arguments, slice(0, 20)), np.zeros(20))
    found = np.asarray(
        learner.mixture.outputs(arguments[1]) if isinstance(learner, Blend) else learner.outputs(arguments[0])
    )
    assert np.isfinite(found).all()
    if task != "regression":
        assert found.sum(axis=-1) == pytest.approx(np.ones(found.shape[:-1]))


@every_task
def test_a_blend_reads_what_it_wrote_and_answers_by_it(training: Table, blends: Any, task: str) -> None:
    blend: Blend = blends[task]
    outputs = expert_outputs_of(blend, training.frame)
    decoded = blend.decode_expert_outputs(json.loads(json.dumps(blend.encode_expert_outputs(outputs))))
    assert decoded == pytest.approx(outputs, abs=1e-4 * (1 + len(blend.classes)))


@given(
    st.lists(st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=2, max_size=2), min_size=1, max_size=8),
    st.booleans(),
)
def test_every_row_has_its_places_in_the_table(rows: list[list[float]], paired: bool) -> None:
    bins = ColumnBins.fit(np.random.default_rng(1).normal(size=(50, 2)), np.zeros(2, bool), paired=paired)
    indices = bins.bin_indices(np.array(rows))
    assert indices.shape == (len(rows), bins.width)
    assert ((indices >= 0) & (indices < bins.size)).all()


# --- plain data


def bins_of(training: Table) -> ColumnBins:
    encoder = Encoder.fit(training.frame, training.fields)
    return ColumnBins.fit(encoder.transform(training.frame), encoder.categorical, paired=True)


def history_of(lags: Lags, numbers: list[float]) -> LabelHistory:
    made = LabelHistory(lags)
    for place, number in enumerate(numbers):
        made.add([None, "a", "b"][place % 3], number)
    return made


def key_history() -> KeyHistory:
    made = KeyHistory(1)
    for place, number in enumerate([0.0, 1.0, 0.5, 2.0]):
        made.add(["a", 7.0, ("a", 7.0)][place % 3], [number], float(place))
    return made


LAGS = Lags((1, 2), 3)
KEPT: dict[type, tuple[Callable[[Table], Any], Callable[[Any], Any]]] = {
    Encoder: (lambda training: Encoder.fit(training.frame, training.fields, ["hour"]), Encoder.from_dict),
    ColumnBins: (bins_of, ColumnBins.from_dict),
    AdditiveModels: (
        lambda training: AdditiveModels(bins_of(training), (0.1, 0.01), 2),
        lambda plain: AdditiveModels.from_dict(plain, np.zeros((ColumnBins.from_dict(plain["steps"]).size, 2, 2))),
    ),
    ExpertMixture: (lambda _: ExpertMixture(3, 2.5), ExpertMixture.from_dict),
    ClassRecalibration: (lambda _: ClassRecalibration(2, 3), ClassRecalibration.from_dict),
    LevelRecalibration: (lambda _: LevelRecalibration(2, 2.5, by_share=True), LevelRecalibration.from_dict),
    KeyHistory: (lambda _: key_history(), lambda plain: KeyHistory.from_dict(1, plain, key_history().table)),
    LabelHistory: (lambda _: history_of(LAGS, [0.0, 1.0, 0.5, 2.0]), partial(LabelHistory.from_dict, LAGS)),
    Calibration: (lambda _: Calibration(2.0, (0.1, -0.1)), lambda plain: Calibration.from_dict(plain, 2)),
    TargetStatistics: (
        lambda training: TargetStatistics.fit(training.frame.columns["town"], np.ones((len(training.frame), 1))),
        TargetStatistics.from_dict,
    ),
    ReferenceBins: (
        lambda training: ReferenceBins.of(training.frame.columns["town"], "category"),
        ReferenceBins.from_dict,
    ),
}


def test_everything_stored_as_plain_data_has_laws() -> None:
    assert with_any_of("from_dict", "from_state") == set(KEPT)


@pytest.mark.parametrize("kind", KEPT)
def test_what_is_kept_as_json_comes_back_the_same(training: Table, kind: type) -> None:
    made, restored = KEPT[kind]
    plain = made(training).to_dict()
    text = json.dumps(plain, allow_nan=False)
    assert json.dumps(restored(json.loads(text)).to_dict(), allow_nan=False) == text


@pytest.mark.parametrize("kind", KEPT)
def test_what_is_not_whole_is_refused(training: Table, kind: type) -> None:
    made, restored = KEPT[kind]
    plain = made(training).to_dict()
    for name in plain:
        with pytest.raises((KeyError, TypeError, ValueError)):
            restored({each: value for each, value in plain.items() if each != name})


@given(st.lists(st.floats(-1e9, 1e9), max_size=12), st.lists(st.floats(-1e9, 1e9), max_size=12))
def test_known_labels_that_were_kept_go_on_as_if_they_had_not_been(before: list[float], after: list[float]) -> None:
    never, kept = (history_of(LAGS, before) for _ in range(2))
    kept = LabelHistory.from_dict(LAGS, json.loads(json.dumps(kept.to_dict())))
    for place, number in enumerate(after):
        for one in (never, kept):
            one.add("ab"[place % 2], number)
    assert kept.to_dict() == never.to_dict()
    np.testing.assert_array_equal(kept.features([None, "a", "b", "c"]), never.features([None, "a", "b", "c"]))


def test_a_learner_of_one_class_answers_it(training: Table) -> None:
    one = Table(training.frame, {"binary": [training.labels["binary"][0]] * len(training.frame)})
    blend = blend_of(one, "binary")
    assert set(blend.predict(training.frame).values) == {one.labels["binary"][0]}
    assert fit("linear", TrainingData(training.frame, one.labels["binary"], training.fields, "binary")).classes == (
        one.labels["binary"][0],
    )
    assert classes_of(one, "binary") == blend.classes
