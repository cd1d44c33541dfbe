"""What the values of a column are when read in one format."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from penstock.console.table.cell_texts import Mask, Numbers

MOST_EXCEPTIONS = 5
_SENTINELS = np.array([-9999.0, -999.0, -99.0, -9.0, -1.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0])


@dataclass
class ValueSummary:
    """The values of a column, read one way, a batch at a time.

    Attributes:
        count: how many cells could be read.
        minimum: of them; infinite before the first.
        maximum: likewise.
        whole: whether all are whole numbers.
        late: how many are smaller than one before them.
        lateness: by how much, at most.
        failed: rows of the first cells with a value that could not be read.
        sentinels: how often -1, 999 and the like occur.
        inner: minimum and maximum without these.
    """

    count: int = 0
    minimum: float = np.inf
    maximum: float = -np.inf
    whole: bool = True
    late: int = 0
    lateness: float = 0
    failed: list[int] = field(default_factory=list)
    sentinels: dict[float, int] = field(default_factory=dict)
    inner: tuple[float, float] = (np.inf, -np.inf)

    def add(self, values: Numbers, present: Mask, first_row: int) -> None:
        """Take the values of a batch, NaN where one cannot be read; `present` says which cells have one."""
        readable = ~np.isnan(values)
        if len(self.failed) < MOST_EXCEPTIONS:
            rows = np.flatnonzero(present & ~readable)[: MOST_EXCEPTIONS - len(self.failed)]
            self.failed += (rows + first_row).tolist()
        numbers = values if readable.all() else values[readable]
        if not len(numbers):
            return
        self.count += len(numbers)
        largest = np.maximum.accumulate(numbers)
        earlier = largest if self.maximum <= largest[0] else np.maximum(largest, self.maximum)
        if late := int((numbers < earlier).sum()):
            self.late += late
            self.lateness = max(self.lateness, float((earlier - numbers).max()))
        low, high = float(numbers.min()), float(largest[-1])
        self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, high)
        self.whole = self.whole and bool((numbers == np.floor(numbers)).all())
        self._count_sentinels(numbers, low, high)

    def _count_sentinels(self, numbers: Numbers, low: float, high: float) -> None:
        if low < 0 or high >= 99:
            are = np.isin(numbers, _SENTINELS)
            if are.any():
                for value, count in zip(*np.unique(numbers[are], return_counts=True), strict=True):
                    self.sentinels[float(value)] = self.sentinels.get(float(value), 0) + int(count)
                rest = numbers[~are]
                low, high = (float(rest.min()), float(rest.max())) if len(rest) else (np.inf, -np.inf)
        self.inner = min(self.inner[0], low), max(self.inner[1], high)
