"""Estimators that read rows by themselves, where those of the families are given an encoder's matrix."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.frame import Frame


@runtime_checkable
class FrameEstimator(Protocol):
    """An estimator that answers a frame: a model that was not trained here."""

    def answer_frame(self, frame: Frame) -> NDArray[np.float64]:
        """Probabilities of its own `classes_`, shape (n, k), or numbers, shape (n,).

        Raises:
            UnusableAnswer: it has none to some row.
            WrongFields: the frame lacks a field.
        """
