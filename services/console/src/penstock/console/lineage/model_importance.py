"""Which fields a model's answers depend on most: its package is opened, and asked about the rows that it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.contracts.records.models import ModelVersion
from penstock.ml.explanation.importance import InputImportance, importance_of
from penstock.ml.models.model import UnusableAnswer
from penstock.ml.package.model_package import UnusablePackage, unpack_with_golden
from penstock.server.models.model_check import RefusedModel
from penstock.server.models.model_loader import ModelLoader, StoreUnavailable


@dataclass(frozen=True, slots=True)
class ModelImportance:
    """The inputs by their importance over so many `rows` of the training, the most first; or why it is not known."""

    inputs: Sequence[InputImportance] = ()
    rows: int = 0
    missing: str = ""


def read_importance(loader: ModelLoader, stream: str, version: ModelVersion) -> ModelImportance:
    """The importance of the inputs of a registered model. It blocks, for some tenths of a second."""
    if version.run is None:
        return ModelImportance(missing="it was not trained, and answers the same to every event")
    try:
        model, known_rows = unpack_with_golden(loader.fetch(stream, version))
        return ModelImportance(importance_of(model, known_rows), len(known_rows))
    except (RefusedModel, StoreUnavailable, UnusablePackage, UnusableAnswer, ValueError) as error:
        return ModelImportance(missing=f"its model cannot be opened: {error}")
