"""What became of the labels of the rows that were sent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penstock.console.replay.rows.row_labels import RowLabels
from penstock.console.replay.watch.event_columns import EventColumns


@dataclass(frozen=True)
class LabelCounts:
    """Rows by what became of their labels.

    Attributes:
        labelled: rows with a label.
        unlabelled: rows without one.
        accepted: labels that ingestion accepted; fewer where an earlier run had sent them.
        refused: labels that ingestion or the validator refused.
        joined: labelled rows whose label was joined to its prediction.
        late: labelled rows that had expired before the label came.
        expired: rows without a label whose time for one is over.
    """

    labelled: int
    unlabelled: int
    accepted: int
    refused: int
    joined: int
    late: int
    expired: int


def label_counts(
    events: EventColumns, slots: NDArray[np.int64], rows: RowLabels, refused: int, accepted: int
) -> LabelCounts:
    """Count the labels of all rows, whose events are in `slots`, shape (n,)."""
    has_label, expired = ~np.isnan(rows.labels()), events.expired(slots)
    labelled = int(np.count_nonzero(has_label))
    return LabelCounts(
        labelled=labelled,
        unlabelled=len(rows) - labelled,
        accepted=accepted,
        refused=refused,
        joined=int(np.count_nonzero(has_label & (expired == 0))),
        late=int(np.count_nonzero(has_label & (expired == 1))),
        expired=int(np.count_nonzero(~has_label & (expired == 1))),
    )
