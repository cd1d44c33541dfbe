"""A BentoML service over the model in the folder that it lies in: `bentoml serve` there, or `bentoml build`.

It needs what `requirements.txt` lists, and nothing of Penstock.
"""

from __future__ import annotations

import os
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")

import bentoml
from bentoml.exceptions import InvalidArgument

FOLDER = Path(__file__).parent
MOST_ROWS = 10_000


def open_model() -> Any:
    """The model of the folder."""
    spec = spec_from_file_location("penstock_model", FOLDER / "penstock_model.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.open_model(FOLDER)


@bentoml.service(name="penstock-model")
class PenstockModel:
    """Answers rows with the model."""

    def __init__(self) -> None:
        self._model = open_model()

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The answer to each row: `prediction`, and for classes `probability.CLASS`; a field left out is missing."""
        if len(rows) > MOST_ROWS:
            raise InvalidArgument(f"expected at most {MOST_ROWS:,} rows, {len(rows):,} came")
        if not rows:
            return []
        columns = {name: [row.get(name) for row in rows] for name in self._model.columns}
        try:
            answers = self._model.predict(columns)
        except (TypeError, ValueError) as error:
            raise InvalidArgument(f"a row holds what the model does not take: {error}") from error
        return [dict(zip(answers, row, strict=True)) for row in zip(*map(list, answers.values()), strict=True)]
