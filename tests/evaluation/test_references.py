"""References: no answer uses a label before it is known, or anything of a later row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.evaluation.references.answers import PredictAll, ReferencePredictions
from bench.evaluation.references.calendars import calendar_rows, train_on_calendar
from bench.evaluation.references.feature_matrix import FeatureMatrix, read_feature_matrix
from bench.evaluation.references.label_delay import (
    LAGS,
    MEAN_OF,
    LabelCutoffs,
    label_cutoffs,
    lag_features,
    last_known_labels,
)
from bench.evaluation.references.reference_catalog import REFERENCES
from bench.evaluation.references.retraining_oracle import predict_by_oracle
from penstock.console.replay.rows.labelled_rows import Row, chunk_size
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time

START = datetime(2024, 1, 1, tzinfo=UTC)
COUNT = 260
STEPS = 4  # of a short calendar
DELAYS = st.sampled_from([0, 3, 16, 48])


@dataclass(frozen=True)
class NumberedRows:
    """Rows whose request bodies are their numbers."""

    count: int

    def rows(self) -> Iterator[Row]:
        """Row n has the id `n`."""
        for number in range(self.count):
            time = START + timedelta(minutes=number)
            yield Row(number, str(number), time, None, str(number).encode(), "yes")

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """The row's number."""
        del known_at
        return row.event


@dataclass
class LabelCountingDeployment:
    """A deployment that notes how many labels it had when each event came."""

    labels: int = 0
    label_counts: list[int] = field(default_factory=list)

    async def send(self, kind: Literal["event", "label"], bodies: Sequence[bytes], now: datetime) -> list[str]:
        """Count the labels, and note their number for each event."""
        del now
        if kind == "event":
            self.label_counts += [self.labels] * len(bodies)
        else:
            self.labels += len(bodies)
        return []

    async def await_answers(self, ids: Sequence[str]) -> None:
        """Return at once."""

    async def await_quiet(self) -> None:
        """Return at once."""


@settings(max_examples=30)
@given(count=st.integers(0, 300), delay=st.integers(0, 120))
async def test_the_references_know_as_many_labels_as_a_replay_has_sent(count: int, delay: int) -> None:
    deployment = LabelCountingDeployment()
    await replay_in_stream_time(ReplaySender(NumberedRows(count), deployment), delay, chunk_size(delay), lambda _: None)
    assert label_cutoffs(count, delay).tolist() == deployment.label_counts


@given(
    labels=st.lists(st.sampled_from([0.0, 1.0, float("nan")]), min_size=1, max_size=150),
    delay=DELAYS,
    lag=st.integers(1, 5),
)
def test_lag_features_are_made_of_the_last_known_labels(labels: list[float], delay: int, lag: int) -> None:
    cutoffs = label_cutoffs(len(labels), delay)
    values, columns = last_known_labels(np.array(labels), cutoffs, lag), lag_features(np.array(labels), cutoffs)
    for row, cutoff in enumerate(cutoffs):
        known = [label for label in labels[:cutoff] if not np.isnan(label)]
        expected = [known[-lag] if len(known) >= lag else np.nan for lag in LAGS]
        mean = np.mean(known[-MEAN_OF:]) if known else np.nan
        np.testing.assert_allclose(columns[row], [*expected, mean])
        np.testing.assert_equal(values[row], known[-lag] if len(known) >= lag else np.nan)


def generate_rows(task: Literal["binary", "regression"], seed: int) -> FeatureMatrix:
    """Rows with a number and a code, some missing, and a label that depends on both."""
    random = np.random.default_rng(seed)
    features = np.column_stack([random.random(COUNT), random.integers(0, 3, COUNT)]).astype(float)
    value = features[:, 0] + 0.2 * features[:, 1]
    features[random.random((COUNT, 2)) < 0.05] = np.nan
    labels = value if task == "regression" else (value > 0.6).astype(float)
    labels = np.where(random.random(COUNT) < 0.05, np.nan, labels)
    return FeatureMatrix(task, features, np.array([False, True]), labels)


def predict_by_short_calendar(
    rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int
) -> ReferencePredictions:
    """Few trainings: the references' calendars train too often for a test."""
    return train_on_calendar(rows, cutoffs, training_delay, seed, step_divisor=STEPS)


def predict_by_short_calendar_with_lags(
    rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int
) -> ReferencePredictions:
    """The same with lag features."""
    with_lags = rows.with_columns(lag_features(rows.labels, cutoffs))
    return predict_by_short_calendar(with_lags, cutoffs, training_delay, seed)


def by_name(name: str) -> PredictAll:
    """A reference as it answers with the labels that are known."""
    reference = REFERENCES[name]

    def predict(rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int) -> ReferencePredictions:
        if reference.has_lags:
            rows = rows.with_columns(lag_features(rows.labels, cutoffs))
        module = import_module(f"bench.evaluation.references.{reference.module}")
        predict_all: PredictAll = getattr(module, reference.function)
        return partial(predict_all, **reference.options)(rows, cutoffs, training_delay, seed)

    return predict


PREDICTORS: dict[str, PredictAll] = {
    **{name: by_name(name) for name in ("last", "static", "linear", "tree", "forest-lags")},
    "calendar": predict_by_short_calendar,
    "lags": predict_by_short_calendar_with_lags,
}


@pytest.mark.parametrize("predict", PREDICTORS.values(), ids=PREDICTORS)
@settings(max_examples=5)
@given(
    task=st.sampled_from(["binary", "regression"]),
    delay=DELAYS,
    training_delay=st.sampled_from([0, 30]),
    cut=st.integers(30, COUNT - 10),
)
def test_no_answer_depends_on_what_is_not_known_yet(
    predict: PredictAll, task: Literal["binary", "regression"], delay: int, training_delay: int, cut: int
) -> None:
    """Change the labels from row `cut` on, and the features of the rows that may know them: earlier answers stay."""
    rows, cutoffs = generate_rows(task, 1), label_cutoffs(COUNT, delay)
    unaffected = int(np.searchsorted(cutoffs, cut, side="right"))  # rows that are answered without those labels
    labels, features = rows.labels.copy(), rows.features.copy()
    labels[cut:] = 1 - labels[cut:]
    features[unaffected:, 0] = 0.5
    changed_rows = FeatureMatrix(task, features, rows.categorical, labels)
    before, after = predict(rows, cutoffs, training_delay, 0), predict(changed_rows, cutoffs, training_delay, 0)
    np.testing.assert_array_equal(before.values[:unaffected], after.values[:unaffected])
    np.testing.assert_array_equal(before.answers.probabilities[:unaffected], after.answers.probabilities[:unaffected])


@pytest.mark.parametrize("training_delay", [0, 70])
def test_a_model_takes_effect_after_the_training_delay(training_delay: int) -> None:
    generated = generate_rows("binary", 2)
    labels = (generated.features[:, 0] > 0.5).astype(float)
    rows = FeatureMatrix("binary", generated.features, generated.categorical, labels)
    cutoffs = label_cutoffs(COUNT, 0)
    last_known, first = last_known_labels(labels, cutoffs), calendar_rows(COUNT, STEPS)[0] + training_delay
    values = predict_by_short_calendar(rows, cutoffs, training_delay, 0).values
    np.testing.assert_array_equal(values[:first], last_known[:first])
    second = calendar_rows(COUNT, STEPS)[1] + training_delay  # the first has too few rows to learn from
    assert np.mean(values[second:] == labels[second:]) > 0.8 > np.mean(last_known[second:] == labels[second:])
    assert predict_by_short_calendar(rows, cutoffs, COUNT, 0).retrains == 0


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_the_oracle_is_at_least_as_good_as_the_same_number_of_other_trainings(
    task: Literal["binary", "regression"],
) -> None:
    rows, cutoffs = generate_rows(task, 3), label_cutoffs(COUNT, 3)
    predictions = predict_by_oracle(rows, cutoffs, 0, 0, step_divisor=STEPS, trainings=2)
    losses = predictions.answers.losses(rows.labels)[COUNT // 10 :]
    assert predictions.retrains == 2
    assert np.nanmean(losses) == pytest.approx(predictions.loss_by_trainings[1], rel=1e-5)
    every = train_on_calendar(rows, cutoffs, 0, 0, step_divisor=STEPS)
    assert every.retrains == len(predictions.loss_by_trainings)
    of_all = np.nanmean(every.answers.losses(rows.labels)[COUNT // 10 :])
    assert of_all == pytest.approx(predictions.loss_by_trainings[-1], rel=1e-5)


def test_probabilities_are_of_all_classes_and_add_up_to_one() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat([0.0, 1.0, 2.0], 100)
    features = labels[:, None] + random.normal(0, 0.1, (300, 1))
    rows = FeatureMatrix("multiclass", features, np.array([False]), labels)
    for name in ("last", "static", "linear", "tree", "forest"):
        answers = REFERENCES[name].predict(rows, 3, 0, 0).answers
        np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1)
        assert answers.probabilities.shape == (300, 3)
        assert np.isfinite(answers.losses(labels)).all()


def test_cara_trains_again_when_the_world_has_turned() -> None:
    random = np.random.default_rng(0)
    features, count = random.random((3000, 2)), 3000
    before, after = features[:, 0] > 0.5, features[:, 0] < 0.5
    labels = np.where(np.arange(count) < 1500, before, after).astype(float)
    rows = FeatureMatrix("binary", features, np.array([False, False]), labels)
    static = REFERENCES["static"].predict(rows, 0, 0, 0).answers.losses(labels)
    cara = REFERENCES["cara"].predict(rows, 0, 0, 0)
    assert cara.retrains > 1
    assert np.mean(cara.answers.losses(labels)[2000:]) < np.mean(static[2000:]) / 2


def generate_world(turn: int, count: int) -> FeatureMatrix:
    """A rule that is soon learnt, wrong for a tenth of the rows, and turned round from a row on."""
    random = np.random.default_rng(0)
    features = random.integers(0, 4, (count, 1)).astype(float)
    flips = (random.random(count) < 0.1) ^ (np.arange(count) >= turn)
    return FeatureMatrix("binary", features, np.array([False]), ((features[:, 0] > 1.5) ^ flips).astype(float))


def test_regol_trains_again_when_the_world_has_turned_and_once_in_one_that_does_not() -> None:
    turned, still = generate_world(turn=300, count=1000), generate_world(turn=3000, count=3000)
    static = REFERENCES["static"].predict(turned, 0, 0, 0).answers.losses(turned.labels)
    regol = REFERENCES["regol"].predict(turned, 0, 0, 0)
    assert regol.retrains > 1
    assert np.mean(regol.answers.losses(turned.labels)[700:]) < np.mean(static[700:]) / 2
    assert REFERENCES["regol"].predict(still, 0, 0, 0).retrains == 1


def test_regol_knows_no_later_label_and_no_later_row() -> None:
    rows, cut, delay = generate_world(turn=300, count=1000), 600, 16
    unaffected = int(np.searchsorted(label_cutoffs(len(rows), delay), cut, side="right"))
    labels, features = rows.labels.copy(), rows.features.copy()
    labels[cut:] = 1 - labels[cut:]
    features[unaffected:] = 9.0
    changed_rows = FeatureMatrix("binary", features, rows.categorical, labels)
    before, after = (REFERENCES["regol"].predict(each, delay, 0, 0).answers for each in (rows, changed_rows))
    np.testing.assert_array_equal(before.probabilities[:unaffected], after.probabilities[:unaffected])
    assert (before.probabilities[unaffected:] != after.probabilities[unaffected:]).any()


def test_a_file_is_read_in_its_order(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    lines = [
        f"2024-01-{day:02d} 05:00:00,{'b' if day % 2 else 'a'},{day},{'yes' if day % 3 else 'no'}"
        for day in range(1, 29)
    ]
    file.write_text("\n".join(["at,town,x,y", *lines, "2024-01-29 05:00:00,,NA,"]) + "\n")
    rows = read_feature_matrix(file)
    assert rows.categorical.tolist() == [False, False, False, True, False]
    assert rows.features[:2].tolist() == [[5.0, 0.0, 1.0, 0.0, 1.0], [5.0, 1.0, 2.0, 1.0, 2.0]]
    assert np.isnan(rows.features[28, 3:]).all()
    assert rows.labels[:4].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert np.isnan(rows.labels[28])
    assert len(read_feature_matrix(file, 5)) == 5
