"""A scikit-learn pipeline as skops saved it: of trusted types alone, with its columns by their places."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.task import Task
from penstock.ml.models.row_pipeline import RowPipeline
from penstock.ml.package import estimator_bytes, zip_archive
from penstock.ml.package.tree_checks import parts_of


class BadPipeline(ValueError):
    """A pipeline that the stream cannot use; the message says why."""


def read_pipeline(content: bytes, encoder: Encoder, task: Task, classes: Sequence[str]) -> RowPipeline:
    """The pipeline in a file; it takes the fields that it names, all of the encoder's in order if it names none.

    Raises:
        BadPipeline: it does not fit.
        UntrustedEstimator: it holds types that are not trusted.
    """
    saved = estimator_bytes.canonical(content)
    _check_release(saved)
    pipeline = estimator_bytes.load(saved)
    names = getattr(pipeline, "feature_names_in_", None)
    if names is None:
        texts, taken = False, encoder
        _check_matrix(pipeline, encoder)
    else:
        texts, taken = True, _named(encoder, [str(name) for name in names])
    _use_places(pipeline)
    return RowPipeline(pipeline, taken, _places(pipeline, task, classes), texts)


def _check_release(saved: bytes) -> None:
    """scikit-learn reads what another release fitted, and may answer otherwise."""
    description, here = json.loads(zip_archive.read(saved)["schema.json"]), version("scikit-learn")
    for node in estimator_bytes.nodes(description):
        content = node.get("content")
        named = content.get("_sklearn_version") if isinstance(content, dict) else None
        there = str(json.loads(named["content"])) if isinstance(named, dict) and "content" in named else here
        if there.split(".")[:2] != here.split(".")[:2]:
            raise BadPipeline(f"it was fitted by scikit-learn {there}, and {here} is here: fit and save it with that")


def _check_matrix(pipeline: Any, encoder: Encoder) -> None:
    taken, names = getattr(pipeline, "n_features_in_", None), [field.name for field in encoder.fields]
    if taken != len(names):
        raise BadPipeline(f"it takes {taken} columns; the stream has {len(names)} features: {', '.join(names)}")
    unlisted = [name for name, texts in encoder.vocabularies.items() if not texts]
    if unlisted:
        raise BadPipeline(
            f"it takes a matrix, and the category {unlisted[0]!r} lists no categories, so it has no codes; list them "
            "in the declaration, or fit it on a DataFrame"
        )


def _named(encoder: Encoder, names: Sequence[str]) -> Encoder:
    fields = {field.name: field for field in encoder.fields}
    if absent := [name for name in names if name not in fields]:
        raise BadPipeline(f"it takes {', '.join(absent)}, no features of the stream; these are: {', '.join(fields)}")
    categories = {name: texts for name, texts in encoder.vocabularies.items() if name in names}
    return Encoder(tuple(fields[name] for name in names), categories)


def _use_places(pipeline: Any) -> None:
    """Have each part choose columns by their places, as it must where they come without names."""
    for part in _estimators(pipeline):
        if type(part).__name__ == "ColumnTransformer" and hasattr(part, "feature_names_in_"):
            places = part._transformer_to_input_indices
            part.transformers_ = [
                (name, step, places[name][0] if isinstance(columns, str) else places[name])
                for name, step, columns in part.transformers_
            ]
    for part in _estimators(pipeline):
        vars(part).pop("feature_names_in_", None)


def _estimators(pipeline: Any) -> Iterator[Any]:
    return (
        part
        for part in parts_of(pipeline)
        if type(part).__module__.startswith("sklearn.") and hasattr(part, "__dict__")
    )


def _places(pipeline: Any, task: Task, classes: Sequence[str]) -> tuple[int, ...]:
    answers = "predict" if task == "regression" else "predict_proba"
    if not hasattr(pipeline, answers):
        raise BadPipeline(f"it has no {answers}, which a {task} stream asks")
    if task == "regression":
        return ()
    known = [str(name) for name in pipeline.classes_]
    if unknown := [name for name in known if name not in classes]:
        raise BadPipeline(f"it answers {', '.join(unknown)}; the stream's classes are {', '.join(classes)}")
    return tuple(classes.index(name) for name in known)
