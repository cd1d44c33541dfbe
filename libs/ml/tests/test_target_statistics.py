"""Fields of many categories become mean targets: without a leak, as plain data, and better than without."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.ml.features.feature_encoder import MAX_VOCABULARY, Encoder
from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.features.target_statistics import BLOCKS, TargetStatistics
from penstock.ml.metrics import log_loss
from penstock.ml.models.families import fit
from penstock.ml.models.training_data import TrainingData
from penstock.ml.online.column_bins import ColumnBins
from penstock.ml.package import zip_archive
from penstock.ml.package.model_package import pack, unpack

FIELDS = (Field("x", "number"), Field("shop", "category"))
MANY = [f"s{number}" for number in range(MAX_VOCABULARY + 1)]
TASKS = {"binary": 2, "multiclass": 4, "regression": 1}

ROWS = st.lists(st.tuples(st.sampled_from([None, "a", "b", "c"]), st.floats(-1e3, 1e3)), min_size=1, max_size=80)


def shops_of(rows: list) -> tuple[np.ndarray, np.ndarray]:
    return column("category", [shop for shop, _ in rows]), np.array([[label] for _, label in rows])


def stream(task: str, rows: int = 3000, shops: int = 600, seed: int = 0) -> TrainingData:
    """Rows whose labels follow their shop, of which there are too many for codes."""
    random = np.random.default_rng(seed)
    shop = random.permutation(np.concatenate([np.arange(shops), random.zipf(1.3, rows - shops) % shops]))
    effects = random.normal(0, 2, (shops, TASKS[task]))
    scores = effects[shop] + random.gumbel(size=(rows, TASKS[task])) * 0.5
    labels = scores[:, 0].tolist() if task == "regression" else [f"c{code}" for code in scores.argmax(axis=1)]
    columns = {"x": random.normal(size=rows), "shop": column("category", [f"s{number}" for number in shop])}
    return TrainingData(Frame(columns, times(np.arange(rows) * 1000)), labels, FIELDS, task)  # type: ignore[arg-type]


@settings(max_examples=60)
@given(ROWS, st.data())
def test_a_training_row_knows_no_label_that_was_not_known_before_it(rows: list, data: st.DataObject) -> None:
    shops, targets = shops_of(rows)
    delay = data.draw(st.integers(1, 20))
    known_at = np.arange(len(rows)) + delay
    statistics = TargetStatistics.fit(shops, targets)
    before = statistics.ordered_columns(shops, targets, known_at)
    row = data.draw(st.integers(0, len(rows) - 1))
    changed = targets.copy()
    changed[row] += 1000.0
    after = statistics.ordered_columns(shops, changed, known_at)
    assert np.array_equal(before[: row + delay], after[: row + delay], equal_nan=True)


@settings(max_examples=60)
@given(ROWS)
def test_statistics_are_means_drawn_to_that_of_all_and_survive_json(rows: list) -> None:
    shops, targets = shops_of(rows)
    statistics = TargetStatistics.fit(shops, targets)
    assert TargetStatistics.from_dict(json.loads(json.dumps(statistics.to_dict()))) == statistics
    means = dict(zip([*"abcz", None], statistics.column(column("category", [*"abcz", None]), 0), strict=True))
    overall = targets.mean()
    assert means["z"] == pytest.approx(overall)
    assert np.isnan(means[None])
    for shop in "abc":
        own = targets[shops == shop, 0]
        ends = sorted([overall, own.mean() if len(own) else overall])
        assert ends[0] - 1e-6 <= means[shop] <= ends[1] + 1e-6


def test_the_last_block_is_encoded_as_what_follows_would_be() -> None:
    shops, targets = shops_of([("ab"[row % 3 % 2], float(row % 7)) for row in range(100)])
    last = 100 - 100 // BLOCKS
    ordered = TargetStatistics.fit(shops, targets).ordered_columns(shops, targets, np.arange(1, 101))
    served = TargetStatistics.fit(shops[:last], targets[:last]).column(shops[last:], 0)
    assert ordered[last:, 0] == pytest.approx(served)


@pytest.mark.parametrize("values", [MANY, MANY[:-1]])
def test_only_fields_of_more_categories_than_codes_have_statistics(values: list[str]) -> None:
    frame = Frame({"x": np.zeros(len(values)), "shop": column("category", values)}, times([0] * len(values)))
    targets = np.arange(3 * len(values), dtype=np.float64).reshape(-1, 3)
    encoder = Encoder.fit(frame, FIELDS, ["hour"], targets=targets)
    if len(values) <= MAX_VOCABULARY:
        assert encoder == Encoder.fit(frame, FIELDS, ["hour"])
        assert "statistics" not in encoder.to_dict()
        return
    assert encoder.names == ("x", "shop", "time.hour", "shop.target.1", "shop.target.2")
    assert not encoder.categorical.any()
    assert encoder.cardinalities == (0, 0, 0, 0, 0)
    matrix = encoder.transform(frame)
    assert [encoder.column(frame, index)[5] for index in range(5)] == matrix[5].tolist()
    assert Encoder.from_dict(json.loads(json.dumps(encoder.to_dict()))) == encoder


@pytest.mark.parametrize("task", TASKS)
def test_every_family_learns_from_many_categories_and_its_package_answers_alike(task: str) -> None:
    data = stream(task, rows=2400)
    learnt, later = data.take(slice(0, 2000)), data.take(slice(2000, 2400))
    for family in ("linear", "boosting", "forest"):
        model = fit(family, learnt)
        without = fit(family, TrainingData(learnt.frame, learnt.labels, FIELDS[:1], learnt.task))
        assert loss(model, later) < 0.8 * loss(without, later), family
        package = pack(model, learnt.frame.take(slice(0, 20)))
        assert json.loads(zip_archive.read(package)["manifest.json"])["format"] == 3
        again = unpack(package)
        assert again.fused == (None if family == "forest" else family)
        expected, answered = model.predict(later.frame), again.predict(later.frame)
        width = max(TASKS[task], 1)
        assert np.allclose(answered.numbers(width), expected.numbers(width), rtol=1e-9, atol=1e-9)


def test_additive_models_have_a_bin_for_each_of_many_codes_and_pairs_of_them_for_few() -> None:
    codes = np.arange(1500.0)
    matrix, categorical = np.column_stack([codes, codes % 3]), np.array([True, True])
    single, paired = ColumnBins.fit(matrix, categorical), ColumnBins.fit(matrix, categorical, paired=True)
    assert len(np.unique(single.bin_indices(matrix)[:, 0])) == 1500
    assert paired.size < 300


def loss(model: object, rows: TrainingData) -> float:
    output = model.predict(rows.frame)  # type: ignore[attr-defined]
    if output.probabilities is None:
        return float(np.abs(np.array(output.values) - rows.labels).mean())
    return log_loss(rows.labels, output.probabilities, model.classes)  # type: ignore[attr-defined]


def test_labels_that_come_late_are_not_known_to_the_rows_before_them() -> None:
    data = stream("binary", rows=800)
    late = TrainingData(
        data.frame, data.labels, FIELDS, "binary", label_times=data.frame.times + np.timedelta64(1, "h")
    )
    assert (data.known_at == np.arange(1, 801)).all()
    assert (late.take(slice(10, 20)).known_at == 10).all()
