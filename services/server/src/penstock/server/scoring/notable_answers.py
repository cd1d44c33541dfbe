"""Which answers are traced by rule: those of a challenger, and those of a class that is seldom answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from penstock.server.scoring.prediction_batch import PredictionBatch

MOST_OF_A_BATCH = 20  # answers by each rule; the bound a second is the worker's
RARE_SHARE = 0.01  # a class is rare below this share of the answers
FEWEST_ANSWERS = 1000  # of a stream, before a class can be rare


class NotableAnswers:
    """Finds them, and counts the classes answered so far by stream: since this process started."""

    def __init__(self) -> None:
        self._classes: dict[str, Counter[str]] = {}

    def find(self, stream: str, batches: Sequence[PredictionBatch]) -> dict[int, str]:
        """The rule by row of the events that the batches share."""
        notable: dict[int, str] = {}
        for batch in batches:
            rows = _rows(batch)
            rare = self._rare_rows(stream, batch.values)
            notable |= dict.fromkeys((rows[at] for at in rare), "rare-class")
            if batch.attribution.arm == "challenger":
                notable |= dict.fromkeys(rows[:MOST_OF_A_BATCH], "canary")
        return notable

    def _rare_rows(self, stream: str, values: Sequence[str] | Sequence[float]) -> list[int]:
        if not (values and isinstance(values[0], str)):
            return []
        counts = self._classes.setdefault(stream, Counter())
        new = Counter(map(str, values))
        counts.update(new)
        total = counts.total()
        rare = {name for name in new if counts[name] < RARE_SHARE * total}
        if not rare or total < FEWEST_ANSWERS:
            return []
        return list(islice((at for at, value in enumerate(values) if value in rare), MOST_OF_A_BATCH))


def _rows(batch: PredictionBatch) -> Sequence[int]:
    return range(len(batch.values)) if batch.rows is None else batch.rows.tolist()
