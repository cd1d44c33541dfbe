"""A fused form answers as its estimator does, and serves only then."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from penstock.ml.features.feature_encoder import Encoder, WrongFields
from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.fused.fusion import difference, fuse
from penstock.ml.models.baseline import baseline
from penstock.ml.models.families import fit
from penstock.ml.models.model import Model, UnusableAnswer
from penstock.ml.models.training_data import TrainingData
from penstock.ml.package import zip_archive
from penstock.ml.package.model_package import pack, unpack

TASKS = ("binary", "multiclass", "regression")
every_family = pytest.mark.parametrize("family", ["linear", "boosting"])
every_task = pytest.mark.parametrize("task", TASKS)

NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32)
ROWS = st.lists(
    st.tuples(NUMBERS, NUMBERS, st.none() | st.sampled_from([*"abcd", ""]), st.integers(0, 10**10) | st.just("NaT")),
    max_size=20,
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Many small predictions are slower on several."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def golden(later) -> Frame:
    return later.frame.take(slice(0, 20))


@pytest.fixture(scope="module")
def learnt(mixed, golden) -> Callable[[str, str], Model]:
    """Models that saw missing numbers, missing categories and times; fused."""

    @cache
    def model(family: str, task: str = "binary") -> Model:
        parts = ("hour", "month", "yearday")
        return fuse(
            fit(family, TrainingData(mixed.frame, mixed.labels[task], mixed.fields, task, time_parts=parts)), golden
        )

    return model


def frame_of(rows: list) -> Frame:
    income, debt, town, moments = zip(*rows, strict=True) if rows else ((), (), (), ())
    columns = {"income": column("number", income), "debt": column("number", debt), "town": column("category", town)}
    return Frame(columns, np.array([np.datetime64(moment, "ms") for moment in moments], "datetime64[ms]"))


def assert_same(model: Model, frame: Frame) -> None:
    fused, original = model.predict(frame), replace(model, fusion=None).predict(frame)
    if original.probabilities is None:
        np.testing.assert_allclose(fused.values, original.values, rtol=1e-9, atol=1e-9)
    else:
        assert fused.probabilities.shape == original.probabilities.shape
        np.testing.assert_allclose(fused.probabilities, original.probabilities, rtol=1e-9, atol=1e-9)
        assert len(fused.values) == len(original.values)


@every_family
@every_task
@settings(max_examples=25)
@given(rows=ROWS)
def test_any_rows_get_the_answers_of_the_estimator(family: str, task: str, rows: list, learnt) -> None:
    model = learnt(family, task)
    assert (model.fused, model.unfused_reason) == (family, None)
    assert_same(model, frame_of(rows))


@every_family
@every_task
@settings(max_examples=25)
@given(rows=ROWS)
def test_an_answer_is_the_same_to_the_last_digit_in_any_batch(family: str, task: str, rows: list, learnt) -> None:
    frame, fused = frame_of(rows), learnt(family, task).fusion.fused
    whole = fused(frame)
    for row in range(len(frame)):
        assert np.array_equal(fused(frame.take([row]))[0], whole[row])
        assert np.array_equal(fused(frame.take(slice(0, row + 1)))[-1], whole[row])


@every_family
def test_nor_does_a_wide_row_depend_on_its_batch(family: str) -> None:
    random = np.random.default_rng(0)
    columns = {f"n{number}": random.normal(size=300) for number in range(40)}
    columns["n7"][::9] = np.nan
    frame = Frame(columns, times(range(300)))
    labels = random.normal(size=300).tolist()
    fields = [Field(name, "number") for name in columns]
    fused = fuse(fit(family, TrainingData(frame, labels, fields, "regression")), frame.take(slice(0, 8))).fusion.fused
    alone = [fused(frame.take([row]))[0] for row in range(300)]
    assert np.array_equal(alone, fused(frame))
    assert np.array_equal(alone[250:], fused(frame.take(slice(250, 300))))


@every_family
@every_task
def test_rows_at_the_edges_get_the_answers_of_the_estimator(family: str, task: str, learnt, mixed) -> None:
    model = learnt(family, task)
    edges = {name: values for name, values in model.fusion.fused.edges().items() if name in ("income", "debt")}
    assert set(edges) == {"income", "debt"}
    for name, values in edges.items():
        for beside in (-np.inf, None, np.inf):
            rows = mixed.frame.take(slice(0, len(values)))
            rows.columns[name] = np.array(values) if beside is None else np.nextafter(values, beside)
            assert_same(model, rows)


@every_family
@every_task
@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_any_table_is_fused_alike(family: str, task: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    n = 40
    columns = {
        "plain": random.normal(size=n) * 10.0 ** random.integers(-6, 6),
        "whole": random.integers(0, 3, n).astype(float),
        "constant": np.full(n, random.normal()),
        "absent": np.full(n, np.nan),
        "gaps": np.where(random.random(n) < 0.3, np.nan, random.normal(size=n)),
        "town": column("category", random.choice(["a", "b", None], n).tolist()),
        "nothing": column("category", [None] * n),
    }
    labels = random.normal(size=n).tolist() if task == "regression" else random.integers(0, 3, n).astype(str).tolist()
    labels = [label if task != "binary" else str(int(label) % 2) for label in labels]
    frame = Frame(columns, times(range(n)))
    fields = [Field(name, "category" if name in ("town", "nothing") else "number") for name in columns]
    model = fuse(fit(family, TrainingData(frame, labels, fields, task)), frame.take(slice(0, 8)))
    assert model.fused == family or model.unfused_reason == "ValueError: its trees ask nothing"
    shuffled = {name: random.permutation(values) for name, values in columns.items()}
    assert_same(model, Frame(shuffled, frame.times))


@every_family
def test_a_class_without_a_row_keeps_its_column(family: str, mixed, golden) -> None:
    labels = ["b", *(["a", "d"] * len(mixed.frame))][: len(mixed.frame)]
    model = fuse(
        fit(family, TrainingData(mixed.frame, labels, mixed.fields, "multiclass", classes=["d", "c", "b", "a"])), golden
    )
    assert model.fused == family
    assert_same(model, mixed.frame)
    only_smoothing = 1 / (len(mixed.frame) + 1) / 4
    assert model.predict(mixed.frame).probabilities[:, 1] == pytest.approx(only_smoothing)


@every_family
def test_a_table_is_answered_like_its_columns(family: str, learnt, mixed) -> None:
    model, frame = learnt(family), mixed.frame
    town = {"town": frame.columns["town"]}
    expected = model.predict(frame).probabilities
    for names in (("income", "debt"), ("debt", "income"), ("debt", "other", "income")):
        rows = [frame.columns.get(name, np.zeros(len(frame))) for name in names]
        for matrix in (np.array(rows).T, np.ascontiguousarray(np.array(rows).T)):
            before = matrix.copy()
            found = model.predict(
                Frame.of_table(SimpleNamespace(names=names, matrix=matrix, categories=town), frame.times)
            ).probabilities
            np.testing.assert_allclose(found, expected, rtol=1e-12)
            assert np.array_equal(matrix, before, equal_nan=True)


@every_family
def test_a_frame_with_other_fields_is_refused(family: str, learnt, golden) -> None:
    frame = golden
    without = Frame({name: values for name, values in frame.columns.items() if name != "debt"}, frame.times)
    with pytest.raises(WrongFields, match="'debt' is absent"):
        learnt(family).predict(without)
    table = SimpleNamespace(
        names=("income",), matrix=frame.columns["income"][:, None], categories={"town": frame.columns["town"]}
    )
    with pytest.raises(WrongFields, match="'debt' is absent"):
        learnt(family).predict(Frame.of_table(table, frame.times))
    texts = frame.columns | {"debt": column("category", ["x"] * len(frame))}
    with pytest.raises(WrongFields, match="'debt' holds values that are not numbers"):
        learnt(family).predict(Frame(texts, frame.times))
    del texts["town"]
    with pytest.raises(WrongFields, match="'town' is absent"):
        learnt(family).predict(Frame(texts | {"debt": frame.columns["debt"]}, frame.times))


def test_an_estimator_that_computes_otherwise_is_left_to_answer(mixed, golden) -> None:
    model = fit("linear", TrainingData(mixed.frame, mixed.labels["binary"], mixed.fields, "binary"))
    model.estimator["columns"].named_transformers_["numbers"]["clip"].clip = False
    refused = fuse(model, golden)
    assert refused.fused is None
    assert "otherwise" in refused.unfused_reason
    np.testing.assert_array_equal(refused.predict(mixed.frame).probabilities, model.predict(mixed.frame).probabilities)


class Off:
    """A form that answers one kind of row wrongly."""

    name = "off"

    def __init__(self, right: object, wrong_at: object, by: float) -> None:
        self._right, self._wrong_at, self._by = right, wrong_at, by

    def __call__(self, frame: Frame) -> np.ndarray:
        return self._right(frame) + self._by * self._wrong_at(frame)[:, None]

    def edges(self) -> dict[str, list[float]]:
        return self._right.edges()


@pytest.mark.parametrize(
    "wrong_at",
    [
        lambda frame: np.arange(len(frame)) == 7,
        lambda frame: np.isnan(frame.columns["debt"]),
        lambda frame: frame.columns["debt"] > 1e6,
        lambda frame: frame.columns["town"] == None,  # noqa: E711 (each of them)
        lambda frame: np.isnat(frame.times),
        lambda frame: np.array([value not in {*"abc", None} for value in frame.columns["town"]]),
        lambda frame: frame.times.astype("datetime64[h]").astype(int) % 24 == 23,
    ],
    ids=["golden", "missing", "beyond", "no category", "no time", "unknown", "an hour"],
)
def test_a_fused_form_that_is_wrong_somewhere_is_detected(wrong_at: object, learnt, golden) -> None:
    model = learnt("linear")
    for right in (model.fusion.fused, learnt("boosting").fusion.fused):
        original = model if right is model.fusion.fused else learnt("boosting")
        assert difference(original, Off(right, wrong_at, 1e-11), golden) is None
        assert "otherwise" in difference(original, Off(right, wrong_at, 1e-8), golden)


def test_what_is_built_otherwise_is_not_fused(mixed, golden) -> None:
    constant = fuse(baseline("binary", ["0", "1"], {"1": 2, "0": 1}, []), Frame({}, times([])))
    assert (constant.fused, constant.unfused_reason) == (None, "no fused form of Constant is known")
    broad = HistGradientBoostingClassifier(max_leaf_nodes=40, min_samples_leaf=1, max_iter=3)
    model = fit("boosting", TrainingData(mixed.frame, mixed.labels["binary"], mixed.fields, "binary"))
    matrix = model.encoder.transform(mixed.frame)
    broad.fit(matrix, np.array(mixed.labels["binary"]) == "Yes")
    assert "more than 32 leaves" in fuse(replace(model, estimator=broad), golden).unfused_reason
    one = fit("linear", TrainingData(mixed.frame, mixed.labels["binary"], mixed.fields, "binary"))
    one.estimator.steps[1] = ("learner", model.estimator)
    assert fuse(one, golden).fused is None
    assert "no golden row" in fuse(model, golden.take([])).unfused_reason
    assert model.unfused_reason == "it was never tried"


def test_a_linear_model_of_an_earlier_release_has_no_ranks_and_is_fused(mixed, golden) -> None:
    model = fit("linear", TrainingData(mixed.frame, mixed.labels["binary"], mixed.fields, "binary"))
    columns = model.estimator["columns"]
    columns.transformers = [part for part in columns.transformers if part[0] != "ranks"]
    assert len(columns.transformers) == 2
    model.estimator.fit(model.encoder.transform(mixed.frame), np.array(mixed.labels["binary"]) == "Yes")
    earlier = fuse(model, golden)
    assert earlier.fused == "linear"
    assert_same(earlier, mixed.frame)


class Silent:
    """An estimator that answers nothing usable."""

    classes_ = np.arange(2)

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        return np.full((len(matrix), 2), np.nan)


def test_a_model_given_another_estimator_is_answered_by_that_one(learnt, golden) -> None:
    model = replace(learnt("linear"), estimator=Silent())
    assert model.fused is None
    with pytest.raises(UnusableAnswer):
        model.predict(golden)


@every_family
def test_a_package_is_fused_where_it_is_loaded_and_says_so(family: str, learnt, golden) -> None:
    data = pack(replace(learnt(family), fusion=None), golden)
    manifest = json.loads(zip_archive.read(data)["manifest.json"])
    assert (manifest["fused"], manifest["unfused"]) == (family, None)
    assert unpack(data).fused == family


def test_times_are_only_computed_for_a_model_that_uses_them(learnt, mixed, golden) -> None:
    made = []

    def moments() -> np.ndarray:
        made.append(1)
        return golden.times

    frame = Frame(golden.columns, moments)
    timeless = fuse(fit("linear", TrainingData(mixed.frame, mixed.labels["binary"], mixed.fields, "binary")), golden)
    assert len(timeless.predict(frame)) == len(frame) == 20
    assert made == []
    expected = learnt("linear").predict(golden).values
    assert learnt("linear").predict(frame).values == expected
    assert learnt("linear").predict(frame).values == expected
    assert made == [1]
    assert Encoder((), {}, ("hour",)).transform(frame).shape == (20, 1)
