"""The epochs of a stream, with the rows that were predicted under each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penstock.console.replay.report.scored_rows import ScoredRows
from penstock.console.replay.rows.row_labels import RowLabels
from penstock.console.replay.watch.stream_watch import StreamWatch


@dataclass(frozen=True)
class EpochLine:
    """An epoch and the row of the first prediction under it (None: there was none).

    `scored` rows with a label were predicted under it, with this `score`; `baseline` is that of a constant on them.
    """

    epoch: int
    model: str
    family: str
    reason: str
    at_event: int | None
    scored: int
    score: float | None
    baseline: float | None


def epoch_lines(
    watch: StreamWatch, slots: NDArray[np.int64], scored: ScoredRows, baseline: ScoredRows
) -> list[EpochLine]:
    """All epochs in order.

    Args:
        watch: of the stream.
        slots: of the events of all rows, shape (n,).
        scored: the rows that have an answer and a label.
        baseline: the same, answered by a constant.
    """
    first_rows = _first_rows(watch, slots)
    return [
        EpochLine(
            epoch=number,
            model=f"{epoch.champion.name}/{epoch.champion.version}",
            family=epoch.champion.family,
            reason=epoch.detail or epoch.reason,
            at_event=first_rows.get(number),
            scored=int(np.count_nonzero(scored.epochs == number)),
            score=_rounded(scored.where(scored.epochs == number).score()),
            baseline=_rounded(baseline.where(scored.epochs == number).score()),
        )
        for number, epoch in sorted(watch.epochs.items())
    ]


def first_rows_by_epoch(watch: StreamWatch, rows: RowLabels) -> dict[int, int]:
    """For each epoch that predicted, the lowest number of a row that it predicted."""
    return _first_rows(watch, watch.events.slots_of(rows.ids(), len(rows)))


def _first_rows(watch: StreamWatch, slots: NDArray[np.int64]) -> dict[int, int]:
    epochs, first = np.unique(watch.events.epochs(slots), return_index=True)
    return {int(epoch): int(row) for epoch, row in zip(epochs, first, strict=True) if epoch >= 0}


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 6)
