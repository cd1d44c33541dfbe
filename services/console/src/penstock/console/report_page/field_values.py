"""The values of the fields in the rows of the first training, and in the newest rows."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import msgspec
import numpy as np

from penstock.console.replay.rows.labelled_rows import LabelledRows
from penstock.console.report_page.numbers import number_text
from penstock.contracts.declaration.stream import Declaration
from penstock.ml.drift.distances import psi

MOST_ROWS = 5000  # of each of the two parts, evenly spaced
NEWEST_SHARE = 0.1
MOST_VALUES = 12  # of a field, drawn one by one
MOST_CATEGORIES = 8
BINS = 24
OUTLIERS = 0.005  # share of the values at each end that is drawn in the outermost bin
SMALL_CHANGE, LARGE_CHANGE = 0.1, 0.2  # of the population stability index
LONGEST_NAME = 60  # characters
MISSING, OTHERS = "(missing)", "(others)"


@dataclass(frozen=True)
class ValueShare:
    """A value or a range of values, and its share of the reference and of the newest rows."""

    name: str
    reference: float
    newest: float


@dataclass(frozen=True)
class FieldValues:
    """The values of a field: `is_range` says that they are ranges of a number, all equally wide.

    `psi` is the population stability index over the values as they are drawn.
    """

    name: str
    type: str
    is_range: bool
    values: Sequence[ValueShare]
    psi: float

    @property
    def change(self) -> str:
        """How large the difference is, by custom."""
        return "alike" if self.psi < SMALL_CHANGE else "small change" if self.psi < LARGE_CHANGE else "large change"


@dataclass(frozen=True)
class Comparison:
    """All features, those that differ most first; `reference` and `newest` are the rows that were compared."""

    reference: range
    newest: range
    fields: Sequence[FieldValues]


def compare_fields(rows: LabelledRows, count: int, first_training: int | None, declaration: Declaration) -> Comparison:
    """Compare the newest tenth of the rows with the rows up to the first training.

    Args:
        rows: which are read once more.
        count: how many there are.
        first_training: the newest row that it knew the label of; None: not known, and the first tenth is taken.
        declaration: of the stream.
    """
    tenth = max(1, int(count * NEWEST_SHARE))
    end = tenth if first_training is None else first_training + 1
    reference, newest = _sampled(0, min(end, count)), _sampled(max(end, count - tenth), count)
    values = _values_of(rows, declaration, reference, newest)
    fields = [
        _field_values(name, field.type, *values[name])
        for name, field in declaration.features.items()
        if reference and newest
    ]
    return Comparison(reference, newest, sorted(fields, key=lambda each: -each.psi))


def _sampled(first: int, end: int) -> range:
    return range(first, end, max(1, -(-(end - first) // MOST_ROWS)))


def _values_of(
    rows: LabelledRows, declaration: Declaration, reference: range, newest: range
) -> Mapping[str, tuple[list[Any], list[Any]]]:
    """Of each feature its values in the two parts, None where one is missing."""
    values: dict[str, tuple[list[Any], list[Any]]] = {name: ([], []) for name in declaration.features}
    for row in rows.rows():
        parts = [part for part, numbers in enumerate((reference, newest)) if row.number in numbers]
        if not parts:
            continue
        data = _decode(row.event).data
        for name, of_parts in values.items():
            of_parts[parts[0]].append(data.get(name))
    return values


def _field_values(name: str, kind: str, reference: list[Any], newest: list[Any]) -> FieldValues:
    if kind in ("number", "integer"):
        reference, newest = [[_number(value) for value in values] for values in (reference, newest)]
        known = np.array([value for value in (*reference, *newest) if value is not None])
        if len(np.unique(known)) > MOST_VALUES:
            return _ranges(name, kind, _edges(known), reference, newest)
        order = [number_text(value) for value in np.unique(known).tolist()]
        return _counts(name, kind, order, [_texts(number_text, values) for values in (reference, newest)])
    texts = [_texts(_category, values) for values in (reference, newest)]
    frequent = [value for value, _ in Counter([*texts[0], *texts[1]]).most_common() if value != MISSING]
    return _counts(name, kind, frequent[:MOST_CATEGORIES], texts)


def _ranges(name: str, kind: str, edges: Any, reference: list[Any], newest: list[Any]) -> FieldValues:
    names = [f"{number_text(low)} to {number_text(high)}" for low, high in itertools.pairwise(edges)]

    def bin_of(value: float) -> str:
        return names[int(np.clip(np.searchsorted(edges, value, side="right") - 1, 0, BINS - 1))]

    return _counts(name, kind, names, [_texts(bin_of, values) for values in (reference, newest)], is_range=True)


def _counts(
    name: str, kind: str, order: Sequence[str], texts: Sequence[Sequence[str]], *, is_range: bool = False
) -> FieldValues:
    """The shares of the values in this order, then of all others, then of missing ones, where there are any."""
    listed = {*order, MISSING}
    counters = [Counter(text if text in listed else OTHERS for text in part) for part in texts]
    names = [*order, *(each for each in (OTHERS, MISSING) if any(counter[each] for counter in counters))]
    reference, newest = [np.array([counter[each] for each in names], dtype=np.float64) for counter in counters]
    shares = zip(names, reference / max(1, reference.sum()), newest / max(1, newest.sum()), strict=True)
    values = [ValueShare(each[:LONGEST_NAME], round(float(old), 5), round(float(new), 5)) for each, old, new in shares]
    return FieldValues(name, kind, is_range, values, round(float(psi(reference, newest)), 4))


def _edges(known: Any) -> Any:
    low, high = np.quantile(known, [OUTLIERS, 1 - OUTLIERS])
    return np.linspace(low, high if high > low else low + 1, BINS + 1)


def _texts(text_of: Any, values: Sequence[Any]) -> list[str]:
    return [MISSING if value is None else text_of(value) for value in values]


def _category(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> float | None:
    """The number; None for what is none, which the validator refuses."""
    return float(value) if isinstance(value, int | float) and isfinite(value) else None


class _Event(msgspec.Struct):
    data: dict[str, Any]


_decode = msgspec.json.Decoder(_Event).decode
