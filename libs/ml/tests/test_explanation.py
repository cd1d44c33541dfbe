"""Reasons of answers: what is added up is the answer, and each part is what the definition of a Shapley value says."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from math import factorial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ml.explanation.importance import importance_of
from penstock.ml.explanation.linear_effects import linear_effects
from penstock.ml.explanation.model_effects import model_effects
from penstock.ml.explanation.path_shapley import TreeNodes, path_shapley
from penstock.ml.explanation.reasons import reasons_of
from penstock.ml.explanation.tree_effects import boosting_effects, forest_effects
from penstock.ml.models.calibration import Calibration
from penstock.ml.models.constant import Constant
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.ml.package.model_package import unpack_with_golden

from .conftest import Table
from .model_cases import MODELS, TASKS, blend_of, numbers_of, of_family

SHAP_VALUES = Path(__file__).parent / "shap_values"
"""What shap gives for packages beside it; `write.py` there wrote both."""

COLUMNS = 3
ROWS = range(0, 60, 7)


def grown(seed: int, inner: int) -> TreeNodes:
    """A tree whose nodes split at random, and a row that goes at random."""
    random = np.random.default_rng(seed)
    left, right, cover = [0], [0], [1000.0]
    leaves = [0]
    for _ in range(inner):
        node = leaves.pop(random.integers(len(leaves)))
        part = cover[node] * random.uniform(0.01, 0.99)
        for children, size in ((left, part), (right, cover[node] - part)):
            children[node] = len(cover)
            leaves.append(len(cover))
            left.append(0)
            right.append(0)
            cover.append(size)
    m = len(cover)
    is_leaf = np.array(left) == 0
    ways = random.random(COLUMNS) < 0.5  # of each column: a row asked the same twice may still go another way
    column = random.integers(COLUMNS, size=m)
    goes_left = ways[column] ^ (random.random(m) < 0.3)
    return TreeNodes(
        np.array(left), np.array(right), column, is_leaf, goes_left, np.array(cover), random.normal(size=(m, 2))
    )


def expected_value(tree: TreeNodes, known: frozenset[int], node: int = 0) -> np.ndarray:
    """What a tree says of a row of which these columns are known: the definition, in words of Lundberg and others."""
    if tree.is_leaf[node]:
        return tree.values[node]
    left, right = int(tree.left[node]), int(tree.right[node])
    if int(tree.column[node]) in known:
        return expected_value(tree, known, left if tree.goes_left[node] else right)
    parts = (tree.cover[child] * expected_value(tree, known, child) for child in (left, right))
    return sum(parts) / tree.cover[node]


@given(st.integers(0, 10_000), st.integers(0, 12))
def test_a_tree_gives_each_column_its_shapley_value(seed, inner):
    tree = grown(seed, inner)

    base, added = path_shapley([tree], COLUMNS)

    assert np.allclose(base, expected_value(tree, frozenset()))
    for column in range(COLUMNS):
        others = [other for other in range(COLUMNS) if other != column]
        value = np.zeros(2)
        for size in range(COLUMNS):
            weight = factorial(size) * factorial(COLUMNS - size - 1) / factorial(COLUMNS)
            for some in map(frozenset, combinations(others, size)):
                value += weight * (expected_value(tree, some | {column}) - expected_value(tree, some))
        assert np.allclose(added[column], value)


@pytest.mark.parametrize("name", json.loads((SHAP_VALUES / "values.json").read_text())["values"])
def test_each_member_has_the_values_that_shap_gives(name: str):
    """With categories, some of them missing or new, and numbers that are missing."""
    model, rows = unpack_with_golden((SHAP_VALUES / f"{name}.zip").read_bytes())
    assert isinstance(model, Model)
    matrix = model.encoder.transform(rows)
    assert np.isnan(matrix[:, :3]).any(axis=0).tolist() == [True, False, True]
    for row, expected in zip(
        matrix, json.loads((SHAP_VALUES / "values.json").read_text())["values"][name], strict=True
    ):
        effects = {
            "linear": lambda row=row: linear_effects(model.encoder, model.estimator, row, matrix),
            "boosting": lambda row=row: boosting_effects(model.encoder, model.estimator, row),
            "forest": lambda row=row: forest_effects(model.encoder, model.estimator, row),
        }[model.family]()
        assert np.abs(effects.base - expected["base"]).max() < 1e-6
        assert np.abs(effects.added - expected["added"]).max() < 1e-6


@pytest.mark.parametrize("kind", ["linear", "boosting", "forest", "blend"])
@pytest.mark.parametrize("task", TASKS)
def test_base_and_contributions_and_rest_are_the_answer(mixed: Table, kind: str, task: str):
    model = MODELS[kind](mixed, task)
    answers = model.predict(mixed.frame)
    for row in ROWS:
        numbers, value = numbers_of(answers)[row], answers.values[row]
        reasons = reasons_of(model, mixed.frame.take([row]), mixed.frame, value, numbers)
        assert reasons.margin == pytest.approx(margin_of(model, value, numbers, reasons.others))
        total = reasons.base + sum(one.added for one in reasons.contributions) + reasons.rest
        assert total == pytest.approx(reasons.margin)
        assert {one.name for one in reasons.contributions} <= {"income", "debt", "town", "time of the event"}
        assert {value, *reasons.others} == ({value} if task == "regression" else set(mixed.labels[task]))
        if task == "regression" or kind == "forest":
            assert abs(reasons.rest) < 1e-8


def margin_of(model: Model | Blend, value: str | float, numbers: np.ndarray, others: tuple[str, ...]) -> float:
    if not model.classes:
        return float(numbers[0])
    logs = dict(zip(model.classes, np.log(np.maximum(numbers, 1e-12)), strict=True))
    return float(logs[value] - np.mean([logs[other] for other in others]))


def without_spread(model: Model | Blend) -> Model | Blend:
    """The same without probability that is spread over all classes: what is left to the rest otherwise."""
    if isinstance(model, Blend):
        return replace(model, frozen_models=tuple(map(without_spread, model.frozen_models)))
    return replace(model, smoothing=0.0)


@pytest.mark.parametrize("kind", ["linear", "boosting", "blend"])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_nothing_is_left_where_no_probability_is_spread_or_at_a_floor(mixed: Table, kind: str, task: str):
    model = without_spread(MODELS[kind](mixed, task))
    calibration = Calibration(0.5, (0.0, 0.3, -0.2, 0.1)[: len(model.classes)])
    answers = replace(model, calibration=calibration).predict(mixed.frame)
    far_from_floor = [row for row in ROWS if np.sort(numbers_of(model.predict(mixed.frame))[row])[1] > 1e-3]
    assert far_from_floor
    model = replace(model, calibration=calibration)
    for row in far_from_floor:
        frame = mixed.frame.take([row])
        reasons = reasons_of(model, frame, mixed.frame, answers.values[row], numbers_of(answers)[row])
        assert abs(reasons.rest) < 1e-8


def test_the_members_of_a_blend_add_up_by_their_shares(mixed: Table):
    blend = blend_of(mixed, "binary")
    answer = blend.predict(mixed.frame.take([5]))
    reasons = reasons_of(blend, mixed.frame.take([5]), mixed.frame, answer.values[0], numbers_of(answer)[0])

    assert sum(member.share for member in reasons.members) == pytest.approx(1.0)
    for one in reasons.contributions:
        of_members = [
            member.share * part.added
            for member in reasons.members
            for part in member.contributions
            if part.name == one.name
        ]
        assert one.added == pytest.approx(sum(of_members))


@pytest.mark.parametrize("task", TASKS)
def test_what_is_estimated_is_near_what_is_exact(mixed: Table, task: str):
    """A linear model as one of a family that is not known: of independent columns both have the same values."""
    exact = replace(of_family("linear")(mixed, task), smoothing=0.0)
    row = mixed.frame.take([3])
    known, estimated = (model_effects(model, row, mixed.frame) for model in (exact, replace(exact, family="other")))

    differences = known.named(estimated.names) if known.names == estimated.names else known
    places = [known.names.index(name) for name in estimated.names]
    contrast = np.ones(1) if task == "regression" else np.eye(len(exact.classes))[-1] - np.eye(len(exact.classes))[-2]
    error = np.sqrt(estimated.errors**2 @ contrast**2)
    assert (error > 0).any()
    assert (np.abs((differences.added[places] - estimated.added) @ contrast) <= 6 * error + 1e-9).all()


def test_a_constant_has_no_reasons_but_its_base(mixed: Table):
    model = MODELS["baseline"](mixed, "regression")
    assert isinstance(model.estimator, Constant)
    reasons = reasons_of(model, mixed.frame.take([0]), mixed.frame, 1.5, np.array([1.5]))
    assert (reasons.base, reasons.contributions, reasons.rest) == (1.5, (), 0.0)


def test_a_class_that_no_member_knows_is_refused(mixed: Table):
    model = of_family("boosting")(mixed, "multiclass")
    with pytest.raises(ValueError, match="not trained on 'zz'"):
        reasons_of(model, mixed.frame.take([0]), mixed.frame, "zz", np.array([0.7, 0.1, 0.1, 0.1]))


@pytest.mark.parametrize("family", ["linear", "boosting", "forest"])
def test_the_importance_of_an_input_is_the_mean_size_of_what_it_adds(family: str) -> None:
    model, rows = unpack_with_golden((SHAP_VALUES / f"{family}-binary.zip").read_bytes())
    found = {one.name: one.importance for one in importance_of(model, rows)}
    outputs = model.predict(rows)
    numbers = outputs.numbers(len(model.classes))
    sizes: dict[str, list[float]] = {name: [] for name in found}
    for n in range(len(rows)):
        reasons = reasons_of(model, rows.take([n]), rows, outputs.values[n], numbers[n])
        for name, added in {one.name: one.added for one in reasons.contributions}.items():
            sizes[name].append(abs(added))
    assert found == pytest.approx({name: sum(parts) / len(rows) for name, parts in sizes.items()})
    assert list(found.values()) == sorted(found.values(), reverse=True)
