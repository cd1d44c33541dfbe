"""Laws that every model keeps, after River's checks of estimators; a new family or kind of model has to keep them.

What learns outcome by outcome has further laws, in test_laws_learners.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.ml.features.frame import Frame, column
from penstock.ml.models.baseline import BASELINE
from penstock.ml.models.constant import Constant
from penstock.ml.models.families import FAMILIES
from penstock.ml.models.model import Model
from penstock.ml.online.blend import BLEND, Blend
from penstock.ml.package.model_package import pack, unpack

from .conftest import Table, table
from .exports import with_any_of
from .model_cases import MODELS, TASKS, UNSEEN, numbers_of

every_model = pytest.mark.parametrize("name", MODELS)
every_task = pytest.mark.parametrize("task", TASKS)
pytestmark = pytest.mark.usefixtures("one_thread")

NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 5e-324, 1e300, -1e300, 1.7976931348623157e308, 1e16]),
)
TEXTS = st.one_of(st.none(), st.text(max_size=4), st.sampled_from(["a", "b", "never seen", "\x00"]))
MOMENTS = st.one_of(st.none(), st.integers(-(10**13), 10**14))  # milliseconds
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, TEXTS, MOMENTS), max_size=6)

Key = tuple[str, str]


@pytest.fixture(scope="module")
def training() -> Table:
    return table(120, seed=3)


@pytest.fixture(scope="module")
def later() -> Frame:
    return table(24, seed=5).frame


@pytest.fixture(scope="module")
def models(training: Table) -> dict[Key, Model | Blend]:
    return {(name, task): made(training, task) for name, made in MODELS.items() for task in TASKS}


@pytest.fixture(scope="module")
def packages(training: Table, models: dict[Key, Model | Blend]) -> dict[Key, bytes]:
    """The package of every model before its first prediction."""
    return {key: pack(model, golden(training)) for key, model in models.items()}


def golden(training: Table) -> Frame:
    return training.frame.take([0, 1])


def test_every_model_has_laws() -> None:
    # a constant stands in the place of an estimator: `BASELINE` and "one class" are models of it
    assert with_any_of("predict", "predict_proba") == {Model, Blend, Constant}
    assert set(MODELS) == {*FAMILIES, BASELINE, BLEND, "one class"}


def frame_of(rows: list[tuple[Any, ...]]) -> Frame:
    income, debt, town, moments = zip(*rows, strict=True) if rows else ([], [], [], [])
    columns = {"income": column("number", income), "debt": column("number", debt), "town": column("category", town)}
    return Frame(columns, np.array([np.datetime64(moment, "ms") for moment in moments], dtype="datetime64[ms]"))


@every_model
@every_task
@given(ROWS)
@settings(max_examples=10)
def test_any_rows_get_answers_that_can_be_used(models: Any, name: str, task: str, rows: Any) -> None:
    model = models[name, task]
    output = model.predict(frame_of(rows))
    assert len(output) == len(rows)
    assert np.isfinite(numbers_of(output)).all()
    if task == "regression":
        assert output.probabilities is None
    else:
        assert output.probabilities.shape == (len(rows), len(model.classes))
        assert (output.probabilities >= 0).all()
        assert output.probabilities.sum(axis=1) == pytest.approx(np.ones(len(rows)))
        assert output.values == [model.classes[place] for place in output.probabilities.argmax(axis=1)]


@every_model
@every_task
@pytest.mark.parametrize("size", [1, 7])
def test_neither_the_order_of_rows_nor_their_batches_matter(
    models: Any, later: Frame, name: str, task: str, size: int
) -> None:
    model, order = models[name, task], np.random.default_rng(0).permutation(len(later))
    parts = [order[start : start + size] for start in range(0, len(order), size)]
    output = np.concatenate([numbers_of(model.predict(later.take(part))) for part in parts])
    assert output == pytest.approx(numbers_of(model.predict(later))[order], rel=1e-9, abs=1e-12)


@every_model
@every_task
def test_a_category_that_never_came_is_answered_as_one_that_is_missing(
    models: Any, later: Frame, name: str, task: str
) -> None:
    def of_town(town: str | None) -> np.ndarray:
        towns = {"town": column("category", [town] * len(later))}
        return numbers_of(models[name, task].predict(Frame({**later.columns, **towns}, later.times)))

    assert np.array_equal(of_town("never seen"), of_town(None))


@every_model
@every_task
def test_to_answer_changes_neither_the_model_nor_the_rows(
    models: Any, packages: Any, training: Table, later: Frame, name: str, task: str
) -> None:
    model = models[name, task]
    before = packages[name, task]
    first = numbers_of(model.predict(later))
    assert np.array_equal(numbers_of(model.predict(later)), first)
    assert pack(model, golden(training)) == before
    for one, other in zip(later.columns.values(), table(24, seed=5).frame.columns.values(), strict=True):
        np.testing.assert_array_equal(one, other)


@every_model
@every_task
def test_the_same_rows_make_the_same_bytes_wherever_a_column_stands(
    models: Any, packages: Any, training: Table, later: Frame, name: str, task: str
) -> None:
    def moved(frame: Frame) -> Frame:
        names = [*reversed(frame.columns), "spare"]
        return Frame({each: frame.columns.get(each, np.ones(len(frame))) for each in names}, frame.times)

    trained_alike = MODELS[name](Table(moved(training.frame), training.labels), task)
    assert pack(trained_alike, golden(training)) == packages[name, task]
    assert np.array_equal(*(numbers_of(models[name, task].predict(each)) for each in (later, moved(later))))


@every_model
@every_task
def test_an_unpacked_model_answers_like_the_original(
    models: Any, packages: Any, later: Frame, name: str, task: str
) -> None:
    again = unpack(packages[name, task]).predict(later)
    assert numbers_of(again) == pytest.approx(numbers_of(models[name, task].predict(later)), rel=1e-6, abs=1e-9)


@every_model
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_class_without_rows_is_unlikely_and_never_the_answer(models: Any, later: Frame, name: str, task: str) -> None:
    model = models[name, task]
    output = model.predict(later)
    given_to_it = output.probabilities[:, model.classes.index(UNSEEN)]
    assert UNSEEN not in output.values
    assert (given_to_it < 0.1).all() if isinstance(model, Blend) else (given_to_it <= model.smoothing).all()
