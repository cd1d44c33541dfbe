"""Whether whole numbers measure something, or only tell things apart: row numbers, ids and codes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from penstock.console.init.running_losses import Losses, loss_gain, quantile_bins, running_losses
from penstock.console.table.column_profile import ColumnProfile

NumberUse = Literal["measure", "row number", "id", "code"]
"""What a column of numbers is for: a measure is a number for models, a code a category, the others are no features."""

LEAST_ROWS_OF_IDS = 20  # in fewer, numbers that all differ show nothing
LEAST_ROWS_UNNAMED = 1000  # nor in fewer than these where no name says that they are ids
LEAST_CODES = 100  # different numbers; of fewer, models see single values where no name says that they are codes
_ID_NAME = re.compile(r"(^|[^a-z])(id|uuid|guid|index|row|rowid|instant|unnamed: 0)$")
_CODE_NAME = re.compile(r"(^|[^a-z])(id|uuid|guid|code|(zip|post)[ _]?(code)?|no|nr)$")
_CAMEL_ID = re.compile(r"[a-z]I[Dd]$")
_CAMEL_CODE = re.compile(r"[a-z](I[Dd]|Code|Zip|No|Nr)$")


@dataclass(frozen=True)
class LabelledColumn:
    """The cells of a column in n labelled rows, the same as `numbers`, shape (n,), and the labels."""

    values: Sequence[str | None]
    numbers: NDArray[np.float64]
    labels: Sequence[str]
    regression: bool

    @cached_property
    def size_tells(self) -> bool:
        """Whether labels follow how large the number is."""
        return bool(self.labels) and loss_gain(self._losses_by_size, [self._losses([0] * len(self.labels))]) > 0

    @cached_property
    def values_tell_more(self) -> bool:
        """Whether labels follow the single numbers, and more than how large they are."""
        if not self.labels:
            return False
        references = [self._losses([0] * len(self.labels)), self._losses_by_size]
        return loss_gain(self._losses(self.values), references) > 0

    @cached_property
    def _losses_by_size(self) -> Losses:
        return self._losses(quantile_bins(self.numbers))

    def _losses(self, groups: Sequence[str | int | None]) -> Losses:
        return running_losses(groups, self.labels, numbers=self.regression)


def number_use(profile: ColumnProfile, sample: LabelledColumn) -> NumberUse:
    """What a column is for, from the profile of all of its rows and a sample of labelled ones."""
    if profile.kind != "integer" or profile.rows < LEAST_ROWS_OF_IDS:
        return "measure"
    return _use_of_unique(profile, sample) if looks_like_id(profile) else _use_of_repeated(profile, sample)


def looks_like_id(profile: ColumnProfile) -> bool:
    """Whether every row has another text or whole number."""
    is_name = profile.kind == "integer" or (profile.kind == "text" and profile.number_format is None)
    return is_name and profile.unique and profile.values == profile.rows >= LEAST_ROWS_OF_IDS


def is_called_id(name: str) -> bool:
    """Whether a column's name says that it numbers the rows.

    >>> [is_called_id(name) for name in ("id", "Order ID", "orderId", "flight_id", "Unnamed: 0", "paid", "humid")]
    [True, True, True, True, True, False, False]
    """
    return bool(_ID_NAME.search(name.lower()) or _CAMEL_ID.search(name))


def is_called_code(name: str) -> bool:
    """Whether a column's name says that its numbers stand for something else.

    >>> [is_called_code(name) for name in ("zip", "customer_id", "AreaCode", "account no", "humid", "piano", "decode")]
    [True, True, True, True, False, False, False]
    """
    return bool(_CODE_NAME.search(name.lower()) or _CAMEL_CODE.search(name))


def _use_of_unique(profile: ColumnProfile, sample: LabelledColumn) -> NumberUse:
    if is_called_id(profile.name):
        return "id"
    if profile.rows < LEAST_ROWS_UNNAMED:
        return "measure"
    if profile.rising and not profile.late:
        return "row number"
    return "id" if _as_long(profile.minimum, profile.maximum) and not sample.size_tells else "measure"


def _use_of_repeated(profile: ColumnProfile, sample: LabelledColumn) -> NumberUse:
    if is_called_code(profile.name):
        return "measure" if sample.size_tells and not sample.values_tell_more else "code"
    return "code" if profile.distinct >= LEAST_CODES and sample.values_tell_more else "measure"


def _as_long(least: object, largest: object) -> bool:
    """Whether all numbers have as many digits, as ids do that somebody drew: amounts and counts hardly ever."""
    return isinstance(least, float) and isinstance(largest, float) and least > 0 and _digits(least) == _digits(largest)


def _digits(number: float) -> int:
    return len(str(int(number)))
