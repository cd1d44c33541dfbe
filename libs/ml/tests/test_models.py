"""Laws that every family keeps, on mixed and on hostile data."""

from __future__ import annotations

import numpy as np
import pytest

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.metrics import losses, score
from penstock.ml.metrics.regression_loss import ABSOLUTE_ERROR, SQUARED_ERROR, RegressionLoss
from penstock.ml.models.baseline import baseline
from penstock.ml.models.constant import Constant
from penstock.ml.models.families import FAMILIES, MIN_ROUNDS, ROUNDS, UnknownFamily, fit
from penstock.ml.models.model import Model, UnusableAnswer
from penstock.ml.models.training_data import TrainingData
from penstock.ml.package import estimator_bytes
from penstock.ml.package.model_package import pack, unpack

TASKS = ("binary", "multiclass", "regression")
every_family = pytest.mark.parametrize("family", FAMILIES)
every_task = pytest.mark.parametrize("task", TASKS)


@every_family
@every_task
def test_a_family_beats_the_baseline_on_later_rows(family: str, task: str, mixed, later) -> None:
    model = fit(family, TrainingData(mixed.frame, mixed.labels[task], mixed.fields, task, time_parts=("hour",)))
    prior = np.median(mixed.labels[task]) if task == "regression" else None
    floor = baseline(task, model.classes, prior, mixed.fields)
    found, least = (
        score(task, losses(task, each.predict(later.frame).values, later.labels[task])) for each in (model, floor)
    )
    assert found < 0.6 * least if task == "regression" else found > least + 0.2


@every_family
@every_task
def test_permuted_rows_get_permuted_answers(family: str, task: str, mixed, later) -> None:
    model = fit(family, TrainingData(mixed.frame, mixed.labels[task], mixed.fields, task))
    order = np.random.default_rng(0).permutation(len(later.frame))
    straight, permuted = model.predict(later.frame), model.predict(later.frame.take(order))
    if straight.probabilities is None:
        np.testing.assert_allclose(permuted.values, np.array(straight.values)[order], rtol=1e-12)
    else:
        assert permuted.values == [straight.values[row] for row in order]
        np.testing.assert_allclose(permuted.probabilities, straight.probabilities[order], rtol=1e-12)
        np.testing.assert_allclose(straight.probabilities.sum(axis=1), 1)


@every_family
@every_task
def test_the_same_input_and_seed_give_the_same_bytes(family: str, task: str, mixed) -> None:
    first, second = (
        estimator_bytes.dump(
            fit(family, TrainingData(mixed.frame, mixed.labels[task], mixed.fields, task), seed=3).estimator
        )
        for _ in range(2)
    )
    assert first == second


@every_family
@every_task
def test_hostile_columns_are_survived(family: str, task: str, mixed) -> None:
    n = len(mixed.frame)
    columns = {
        "constant": np.full(n, 7.0),
        "missing": np.full(n, np.nan),
        "nothing": column("category", [None] * n),
        "one": column("category", ["x"] * n),
        "huge": np.where(np.arange(n) == 5, 1e300, 0.0),
    }
    fields = [Field(name, "category" if name in {"nothing", "one"} else "number") for name in columns]
    model = fit(family, TrainingData(Frame(columns, mixed.frame.times), mixed.labels[task], fields, task))
    extreme = {
        "constant": np.array([-1e300, np.nan]),
        "missing": np.array([1.0, 1e300]),
        "nothing": column("category", ["new", None]),
        "one": column("category", ["other", None]),
        "huge": np.array([-1e300, 1e300]),
    }
    assert len(model.predict(Frame(extreme, mixed.frame.times[:2]))) == 2


@every_family
def test_one_class_gives_a_constant_over_all_declared_classes(family: str, mixed) -> None:
    labels = ["b"] * len(mixed.frame)
    model = fit(family, TrainingData(mixed.frame, labels, mixed.fields, "multiclass", classes=["a", "b", "c"]))
    answers = model.predict(mixed.frame.take(slice(0, 2)))
    assert answers.values == ["b", "b"]
    little = 1 / 401 / 3
    assert answers.probabilities == pytest.approx(np.array([[little, 1 - 2 * little, little]] * 2))


@every_family
def test_a_class_with_one_member_and_one_with_none(family: str, mixed) -> None:
    labels = ["b", *(["a", "d"] * len(mixed.frame))][: len(mixed.frame)]
    model = fit(family, TrainingData(mixed.frame, labels, mixed.fields, "multiclass", classes=["d", "c", "b", "a"]))
    probabilities = model.predict(mixed.frame).probabilities
    assert model.classes == ("d", "c", "b", "a")
    assert probabilities.shape == (400, 4)
    assert probabilities[:, 1] == pytest.approx(1 / 401 / 4)


@every_family
def test_nothing_is_impossible_that_the_rows_cannot_rule_out(family: str, mixed) -> None:
    labels = ["b" if x > 0 else "a" for x in np.nan_to_num(mixed.frame.columns[mixed.fields[0].name])]
    model = fit(family, TrainingData(mixed.frame, labels, mixed.fields, "binary", classes=["a", "b"]))
    given, estimated = model.predict(mixed.frame).probabilities, model.estimator_output(mixed.frame)
    assert given.min() >= 1 / 401 / 2
    assert given.sum(axis=1) == pytest.approx(1)
    assert given == pytest.approx((400 * estimated + 1 / 2) / 401), "as of one more row, half of it in each class"


@every_family
def test_two_rows_are_enough(family: str, mixed) -> None:
    two = mixed.frame.take(slice(0, 2))
    assert len(fit(family, TrainingData(two, ["a", "b"], mixed.fields, "binary")).predict(two)) == 2
    assert len(fit(family, TrainingData(two, [1.0, 2.0], mixed.fields, "regression")).predict(two)) == 2


@every_family
@every_task
def test_without_columns_the_marginal_is_answered(family: str, task: str, mixed) -> None:
    model = fit(family, TrainingData(mixed.frame, mixed.labels[task], [], task))
    assert len(set(model.predict(mixed.frame).values)) == 1


@every_family
@every_task
def test_what_can_be_set_is_set_and_by_default_is_what_it_is_without(family: str, task: str, mixed) -> None:
    made, ranges = FAMILIES[family].estimator(task, Encoder((), {}), 0, ABSOLUTE_ERROR), FAMILIES[family].ranges(task)
    assert {each.name: each.default for each in ranges} == {each.name: made.get_params()[each.name] for each in ranges}
    for each in ranges:
        assert each.low <= each.default <= each.high
        for edge in (each.low, each.high):
            value = int(edge) if each.is_integer else edge
            model = fit(
                family,
                TrainingData(mixed.frame, mixed.labels[task], mixed.fields, task),
                settings=((each.name, value),),
            )
            assert model.estimator.get_params()[each.name] == model.details["settings"][each.name] == value


@every_task
def test_no_rows_get_no_answers(task: str, mixed) -> None:
    model = fit("linear", TrainingData(mixed.frame, mixed.labels[task], mixed.fields, task))
    assert len(model.predict(mixed.frame.take([]))) == 0


def test_unfit_input_is_refused(mixed) -> None:
    with pytest.raises(UnknownFamily, match=r"os\.system"):
        fit("os.system", TrainingData(mixed.frame, mixed.labels["binary"], mixed.fields, "binary"))
    with pytest.raises(ValueError, match="400 rows and 1 labels"):
        fit("linear", TrainingData(mixed.frame, ["a"], mixed.fields, "binary"))
    with pytest.raises(ValueError, match="label 2 is not a finite number"):
        fit("linear", TrainingData(mixed.frame, [0.0, 1.0, np.nan] + [0.0] * 397, mixed.fields, "regression"))


class Broken:
    """An estimator that answers what it is told to."""

    def __init__(self, answer: object) -> None:
        self.answer = np.array(answer)
        self.classes_ = np.arange(2)

    def predict(self, _: object) -> np.ndarray:
        return self.answer

    predict_proba = predict


@pytest.mark.parametrize(
    ("task", "answer", "index"),
    [
        ("regression", [1.0, np.nan], 1),
        ("regression", [np.inf, 1.0], 0),
        ("regression", [1.0], 0),
        ("binary", [[0.5, 0.5], [np.nan, 1.0]], 1),
        ("binary", [[1.0, 0.0, 0.0]] * 2, 0),
        ("binary", [0.0, 1.0], 0),
    ],
)
def test_unusable_answers_are_never_given(task: str, answer: list, index: int) -> None:
    classes = () if task == "regression" else ("a", "b")
    model = Model("broken", task, classes, Encoder((), {}), Broken(answer))
    with pytest.raises(UnusableAnswer) as refusal:
        model.predict(Frame({}, times([0, 1])))
    assert refusal.value.index == index


def test_the_baseline_answers_its_prior() -> None:
    rows = Frame({"x": np.zeros(2)}, times([0, 1]))
    fields = [Field("x", "number")]
    likely = baseline("binary", ["0", "1"], {"1": 3, "0": 1}, fields).predict(rows)
    assert likely.values == ["1", "1"]
    assert likely.probabilities.tolist() == [[0.25, 0.75]] * 2
    assert baseline("multiclass", ["c", "a"], None, fields).predict(rows).values == ["c", "c"]
    assert baseline("regression", [], 4.5, fields).predict(rows).values == [4.5, 4.5]
    assert baseline("regression", [], None, fields).estimator == Constant((0.0,))


@pytest.mark.parametrize(
    ("task", "classes", "prior"),
    [
        ("binary", ["a"], {"b": 1.0}),
        ("binary", ["a", "b"], {"a": -1.0}),
        ("binary", ["a", "b"], {"a": float("nan")}),
        ("binary", [], None),
        ("regression", [], float("inf")),
        ("regression", [], {"a": 1.0}),
    ],
)
def test_a_prior_that_makes_no_sense_is_refused(task: str, classes: list, prior: object) -> None:
    with pytest.raises(ValueError, match=r"prior|class"):
        baseline(task, classes, prior, [])


@pytest.mark.parametrize(
    "loss", [ABSOLUTE_ERROR, SQUARED_ERROR, RegressionLoss("pinball", 0.9)], ids=lambda loss: loss.name
)
def test_boosting_fits_the_loss_and_is_packed_and_fused(loss: RegressionLoss, mixed) -> None:
    """Of claims, mostly 0, the median is 0, the mean is not, and a high quantile is higher."""
    labels = [10.0 * (row % 5 == 0) + row % 3 * 0.01 for row in range(len(mixed.frame))]
    model = fit("boosting", TrainingData(mixed.frame, labels, mixed.fields, "regression", loss=loss))
    found = np.mean(model.predict(mixed.frame).values)
    low, high = {"absolute_error": (-0.1, 1.0), "squared_error": (1.8, 2.2), "pinball": (3.0, 10.1)}[loss.name]
    assert low < found < high
    served = unpack(pack(model, mixed.frame.take(slice(0, 20))))
    assert served.fused == "boosting"
    assert served.predict(mixed.frame).values == pytest.approx(model.predict(mixed.frame).values)


def test_many_classes_do_not_take_as_many_trees_each_as_two(mixed) -> None:
    labels = [f"{row % 12:02}" for row in range(len(mixed.frame))]
    trees = len(fit("boosting", TrainingData(mixed.frame, labels, mixed.fields, "multiclass")).estimator._predictors)
    assert trees == MIN_ROUNDS < ROUNDS
