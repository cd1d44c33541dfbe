"""Writes `values.json` and the packages beside it: what shap gives for models of each family.

Run it where penstock-ml and shap are installed, and commit what it writes: `python libs/ml/tests/shap_values/write.py`.

shap cannot read scikit-learn's categorical splits, and takes their codes for thresholds. It needs not: the algorithm
only asks which way the row goes. So each of them is given to it, row by row, as a split on a number that sends the row
where scikit-learn does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import shap  # not a dependency of Penstock: 600 MB, and 1.7 s to import
from numpy.typing import NDArray

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Field, Frame, column
from penstock.ml.models.families import FAMILIES
from penstock.ml.models.model import Model
from penstock.ml.package.model_package import pack

HERE = Path(__file__).parent
FIELDS = (Field("income", "number"), Field("debt", "number"), Field("town", "category"), Field("trade", "category"))
TRAINED = 600
SETTINGS: dict[str, dict[str, Any]] = {
    "linear": {},
    "boosting": {"max_iter": 8, "max_leaf_nodes": 12},
    "forest": {"learner__n_estimators": 3, "learner__max_leaf_nodes": 30},
}


def frame(n: int) -> Frame:
    random = np.random.default_rng(7)
    columns = {
        "income": np.where(random.random(n) < 0.2, np.nan, random.normal(size=n)),
        "debt": random.exponential(size=n),
        "town": column("category", [None if code == 5 else "abcde"[code] for code in random.integers(0, 6, n)]),
        "trade": column("category", [f"t{code}" for code in random.integers(0, 40, n)]),
    }
    return Frame(columns, np.datetime64("2024-01-01", "ms") + np.arange(n) * np.timedelta64(7, "h"))


def labels_of(table: Frame) -> NDArray[np.float64]:
    town = np.array(["abcde".find(text or "") for text in table.columns["town"]])
    trade = np.array([int(text[1:]) for text in table.columns["trade"]])
    noise = np.random.default_rng(8).normal(size=len(table))
    income, debt = np.nan_to_num(table.columns["income"], nan=-1.0), table.columns["debt"]
    return income - debt * (town % 2) + (trade % 3) + (income > 0) * town / 2 + noise / 3


def expected(model: Model, rows: NDArray[np.float64], known: NDArray[np.float64]) -> list[dict[str, Any]]:
    """What shap gives for each row: the base, shape (k,), and what each column adds, shape (d, k)."""
    if model.family == "linear":
        return of_linear(model, rows, known)
    if model.family == "forest":
        scaled = model.estimator["clip"].transform(rows)
        return of_explainer(shap.TreeExplainer(model.estimator["learner"]), scaled)
    found = []
    for row in rows:
        scores = [of_boosting(model.estimator, row, score) for score in range(len(model.estimator._predictors[0]))]
        base = [mean + model.estimator._baseline_prediction[0, score] for score, (mean, _) in enumerate(scores)]
        found.append({"base": base, "added": np.column_stack([added for _, added in scores]).tolist()})
    return found


def of_explainer(explainer: Any, rows: NDArray[np.float64]) -> list[dict[str, Any]]:
    values = explainer.shap_values(rows)
    base = np.atleast_1d(explainer.expected_value).tolist()
    return [{"base": base, "added": added.reshape(rows.shape[1], -1).tolist()} for added in values]


def of_linear(model: Model, rows: NDArray[np.float64], known: NDArray[np.float64]) -> list[dict[str, Any]]:
    """What it gives for the terms; those that are made of one column are added up by their names."""
    columns, learner = model.estimator["columns"], model.estimator["learner"]
    terms, background = (np.asarray(_dense(columns.transform(part))) for part in (rows, known))
    masker = shap.maskers.Independent(background, max_samples=len(background))
    explained = of_explainer(shap.LinearExplainer(learner, masker), terms)
    names = columns.get_feature_names_out()
    owner = [int(name.partition("__x")[2].split("_")[0]) if "__x" in name else _missing(name) for name in names]
    for one in explained:
        added = np.zeros((rows.shape[1], len(one["base"])))
        np.add.at(added, owner, np.array(one["added"]))
        one["added"] = added.tolist()
    return explained


def _dense(terms: Any) -> Any:
    return terms.toarray() if hasattr(terms, "toarray") else terms


def _missing(name: str) -> int:
    """The column of an indicator, such as `numbers__missingindicator_x0`."""
    return int(name.rpartition("_x")[2])


def of_boosting(estimator: Any, row: NDArray[np.float64], score: int) -> tuple[float, NDArray[np.float64]]:
    encoded = estimator._preprocess_X(row[None], reset=False)[0]
    known, places = estimator._bin_mapper.make_known_categories_bitsets()
    trees = [as_numbers(of_round[score], encoded, known, places) for of_round in estimator._predictors]
    explainer = shap.TreeExplainer({"trees": trees}, feature_perturbation="tree_path_dependent")
    of_trees = explainer.shap_values(encoded[None])[0]
    categorical = estimator.is_categorical_
    order = [*np.flatnonzero(categorical), *np.flatnonzero(~categorical)]
    added = np.zeros(len(row))
    added[order] = of_trees
    return float(np.ravel(explainer.expected_value)[0]), added


def as_numbers(tree: Any, row: NDArray[np.float64], known: Any, places: Any) -> dict[str, NDArray[Any]]:
    nodes = tree.nodes
    inner = nodes["is_leaf"] == 0
    thresholds, default = nodes["num_threshold"].astype(float), np.full(len(nodes), -1)
    default[inner] = np.where(nodes["missing_go_to_left"], nodes["left"], nodes["right"])[inner]
    for index in np.flatnonzero(inner & (nodes["is_categorical"] == 1)):
        node, value = nodes[index], row[nodes[index]["feature_idx"]]
        if np.isnan(value):
            continue
        if not _in(known[places[node["feature_idx"]]], int(value)):
            goes_left = bool(node["missing_go_to_left"])
        else:
            goes_left = _in(tree.raw_left_cat_bitsets[node["bitset_idx"]], int(value))
        thresholds[index] = 1e9 if goes_left else -1e9
    return {
        "children_left": np.where(inner, nodes["left"].astype(int), -1),
        "children_right": np.where(inner, nodes["right"].astype(int), -1),
        "children_default": default,
        "features": np.where(inner, nodes["feature_idx"].astype(int), -2),
        "thresholds": thresholds,
        "values": nodes["value"][:, None],
        "node_sample_weight": nodes["count"].astype(float),
    }


def _in(bits: Any, value: int) -> bool:
    return bool(bits[value // 32] >> (value % 32) & 1)


def main() -> None:
    table = frame(TRAINED)
    number = labels_of(table)
    targets = {
        "binary": (number > np.median(number)).astype(int),
        "multiclass": np.digitize(number, np.quantile(number, [0.4, 0.8])),
        "regression": number,
    }
    found = {}
    for family, settings in SETTINGS.items():
        for task, target in targets.items():
            encoder = Encoder.fit(table, FIELDS, ("hour",))
            estimator = FAMILIES[family].estimator(task, encoder, 0).set_params(**settings)
            estimator.fit(encoder.transform(table), target)
            classes = () if task == "regression" else tuple(map(str, range(int(target.max()) + 1)))
            model = Model(family, task, classes, encoder, estimator)
            golden = table.take(list(range(0, 60, 5)))
            golden.columns["town"][[1, 4]] = None, "unknown"
            (HERE / f"{family}-{task}.zip").write_bytes(pack(model, golden))
            matrix = encoder.transform(golden)
            found[f"{family}-{task}"] = expected(model, matrix, matrix)
    (HERE / "values.json").write_text(json.dumps({"shap": shap.__version__, "values": found}) + "\n")


if __name__ == "__main__":
    main()
