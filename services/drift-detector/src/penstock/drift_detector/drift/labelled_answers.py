"""The labelled outcomes of a batch as columns: which model answered when, and what the answer lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.outcomes import Outcome
from penstock.drift_detector.drift.answer_losses import answer_losses, weight_groups

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class LabelledAnswers:
    """Columns of shape (n,). `index` is the outcome's in its batch, `times` are event times in seconds since 1970."""

    index: Integers
    epochs: Integers
    versions: Integers
    from_champion: Flags
    times: Floats
    losses: Floats
    groups: Integers

    @classmethod
    def of(cls, declaration: Declaration, outcomes: Sequence[Outcome[Any]]) -> LabelledAnswers:
        """Those of the outcomes that have a label and a known loss."""
        index = [number for number, outcome in enumerate(outcomes) if outcome.data.label is not None]
        rows = [outcomes[number].data for number in index]
        answers = [row.answer for row in rows]
        columns = cls(
            np.array(index, dtype=np.int64),
            np.array([answer.epoch for answer in answers], dtype=np.int64),
            np.array([answer.version for answer in answers], dtype=np.int64),
            np.array([answer.arm == "champion" for answer in answers], dtype=np.bool_),
            np.array([outcomes[number].time.timestamp() for number in index], dtype=np.float64),
            answer_losses(declaration, rows),
            weight_groups(declaration, rows),
        )
        return columns.take(~np.isnan(columns.losses))

    def take(self, rows: slice | Flags) -> LabelledAnswers:
        """Some of the rows."""
        return LabelledAnswers(
            self.index[rows],
            self.epochs[rows],
            self.versions[rows],
            self.from_champion[rows],
            self.times[rows],
            self.losses[rows],
            self.groups[rows],
        )

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.index)
