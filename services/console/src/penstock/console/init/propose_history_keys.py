"""Which columns are worth a history: those whose earlier labels tell more than the labels of all rows, or may do so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from penstock.console.init.history_forecast import MIN_GAIN, HistoryForecast, LabelTargets
from penstock.console.init.key_prior import correlation_error, rows_of_value
from penstock.console.init.proposal import HistoryKey
from penstock.console.init.running_losses import quantile_bins

FEWEST_KEYS = 20  # fewer are a category that models see as it is
MOST_KEYS = 3  # proposed: each makes every prediction longer
MOST_PAIRED = 5  # columns whose pairs are tried, those of most values: a pair takes .1 s for 20,000 rows
MIN_ROWS = 5  # of a file that have the same value: of fewer a history says little


@dataclass(frozen=True)
class KeyColumn:
    """A column that may be a key.

    Attributes:
        name: of the column.
        values: of n rows, None where there is none.
        amounts: the same as numbers, shape (n,); None for text.
        is_name: whether the values only tell things apart, as text and codes do; numbers that measure something do not.
    """

    name: str
    values: Sequence[str | None]
    amounts: NDArray[np.float64] | None = None
    is_name: bool = True

    @cached_property
    def distinct(self) -> int:
        return len(set(self.values))

    @cached_property
    def groups(self) -> bytes:
        """The same for columns that tell the same rows apart."""
        numbers = {value: number for number, value in enumerate(dict.fromkeys(self.values))}
        return np.array([-1 if value is None else numbers[value] for value in self.values], dtype=np.int32).tobytes()


def propose_history_keys(
    columns: Sequence[KeyColumn], labels: Sequence[str], *, numbers: bool, rows: int
) -> tuple[HistoryKey, ...]:
    """The columns and pairs of columns whose known labels help, the best first; else those that may.

    Of each column the means at the pace that suits it are compared with those of all rows, and of bins of its numbers;
    of a pair with those of either column, and of both together. Where none is shown to help, names of things that come
    again are keys if the sample could not have shown it.

    Args:
        columns: that may be keys; of those that tell the same rows apart the first is taken.
        labels: n labels in order, classes or numbers.
        numbers: whether the labels are numbers.
        rows: how many the file has, the n first of which are read.

    >>> shops = [str(row * 7 % 30) for row in range(3000)]
    >>> labels = ["yes" if int(shop) < 9 else "no" for shop in shops]
    >>> propose_history_keys([KeyColumn("shop", shops)], labels, numbers=False, rows=3000)[0].columns
    ('shop',)
    """
    different = _without_copies(columns)
    candidates = [column for column in different if FEWEST_KEYS <= column.distinct <= len(labels) / 2]
    if not candidates:
        return ()
    targets = LabelTargets.of(labels, numbers=numbers)
    forecasts = _Forecasts(targets)
    shown = [*_single_keys(candidates, forecasts), *_pair_keys(different, forecasts)]
    if shown:
        return tuple(sorted(shown, key=lambda key: -key.gain)[:MOST_KEYS])
    return tuple(_possible_keys(candidates, targets, rows)[:MOST_KEYS])


def _without_copies(columns: Sequence[KeyColumn]) -> list[KeyColumn]:
    first = {column.groups: column for column in reversed(columns)}
    return [column for column in columns if first[column.groups] is column]


class _Forecasts:
    """What histories foretell, of each column once."""

    def __init__(self, targets: LabelTargets) -> None:
        self.targets = targets
        self.of_all = HistoryForecast.of([0] * len(targets.values), targets)
        self._by_name: dict[str, HistoryForecast] = {}

    def of(self, column: KeyColumn) -> HistoryForecast:
        if column.name not in self._by_name:
            self._by_name[column.name] = HistoryForecast.of(column.values, self.targets)
        return self._by_name[column.name]


def _single_keys(columns: Iterable[KeyColumn], forecasts: _Forecasts) -> Iterator[HistoryKey]:
    for column in columns:
        references = [forecasts.of_all]
        if column.amounts is not None:
            references.append(HistoryForecast.of(quantile_bins(column.amounts), forecasts.targets))
        if gain := forecasts.of(column).gain(references, forecasts.targets):
            yield HistoryKey((column.name,), gain)


def _pair_keys(columns: Iterable[KeyColumn], forecasts: _Forecasts) -> Iterator[HistoryKey]:
    """Pairs of names that tell more than both columns do."""
    names = sorted((column for column in columns if column.is_name), key=lambda column: -column.distinct)[:MOST_PAIRED]
    of_all, targets = forecasts.of_all, forecasts.targets
    for first, second in combinations(names, 2):
        values = _pair_values(first, second)
        if first.distinct < FEWEST_KEYS or len(set(values)) > len(values) / 2:
            continue
        one, other = forecasts.of(first), forecasts.of(second)
        references = [of_all, one, other, one.beside(other, of_all, targets)]
        if gain := HistoryForecast.of(values, targets).gain(references, targets):
            yield HistoryKey((first.name, second.name), gain)


def _possible_keys(columns: Iterable[KeyColumn], targets: LabelTargets, rows: int) -> list[HistoryKey]:
    """Names of things that come again and may help for all that the sample shows, those with the most rows first."""
    unsure = [
        column for column in columns if column.is_name and correlation_error(column.values, targets.values) > MIN_GAIN
    ]
    by_rows = {column.name: rows_of_value(column.values, rows) for column in unsure}
    names = sorted((name for name in by_rows if by_rows[name] >= MIN_ROWS), key=lambda name: -by_rows[name])
    return [HistoryKey((name,), 0.0) for name in names]


def _pair_values(first: KeyColumn, second: KeyColumn) -> list[tuple[str, str] | None]:
    pairs = zip(first.values, second.values, strict=True)
    return [None if one is None or other is None else (one, other) for one, other in pairs]
