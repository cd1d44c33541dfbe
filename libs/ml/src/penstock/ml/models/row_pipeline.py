"""A scikit-learn pipeline that was fitted elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.feature_encoder import Encoder, column_of
from penstock.ml.features.frame import Frame
from penstock.ml.models.model import UnusableAnswer

Floats = NDArray[np.float64]
SKLEARN = "sklearn"


@dataclass(frozen=True, eq=False)
class RowPipeline:
    """A pipeline whose input is a matrix with a column for each of the encoder's fields.

    With `texts` categories are there as they are, NaN where one is missing, for it was fitted on a DataFrame; without
    it by their codes. `places` are the indices, in the model's classes, of the classes that it knows; none for a
    regression.
    """

    pipeline: Any
    encoder: Encoder
    places: tuple[int, ...]
    texts: bool

    @property
    def classes_(self) -> NDArray[np.int64]:
        """Indices of the classes that it knows, in the order of its probabilities."""
        return np.array(self.places, dtype=np.int64)

    def answer_frame(self, frame: Frame) -> Floats:
        """Probabilities of the classes that it knows, shape (n, k), or numbers, shape (n,).

        Raises:
            UnusableAnswer: it fails.
            WrongFields: the frame lacks a field.
        """
        matrix = self._texts(frame) if self.texts else self.encoder.transform(frame)
        try:
            answers = self.pipeline.predict_proba(matrix) if self.places else self.pipeline.predict(matrix)
        except Exception as error:  # a pipeline may fail in as many ways as it has steps
            raise UnusableAnswer(0, f"the pipeline fails: {_first_line(error)}") from None
        numbers = np.asarray(answers, dtype=np.float64)
        return numbers if self.places else numbers.reshape(-1)

    def _texts(self, frame: Frame) -> NDArray[Any]:
        matrix = np.empty((len(frame), len(self.encoder.fields)), dtype=object)
        for index, field in enumerate(self.encoder.fields):
            values = column_of(frame, field)
            matrix[:, index] = [np.nan if value is None else value for value in values.tolist()]
        return matrix


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
