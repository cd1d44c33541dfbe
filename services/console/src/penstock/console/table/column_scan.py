"""The values of one column, seen a batch at a time in every way that they may be read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.console.table.cell_texts import Mask, Numbers, PlainTexts, iso_times
from penstock.console.table.compact_times import compact_times
from penstock.console.table.missing_values import DISGUISED_TEXTS
from penstock.console.table.odd_text import OddText, number_code, odd_text
from penstock.console.table.value_counts import MOST_DISTINCT, ValueCounts
from penstock.console.table.value_summary import MOST_EXCEPTIONS, ValueSummary
from penstock.contracts.declaration.stream import MISSING_TEXTS

MOST_UNREADABLE = 2 * MOST_DISTINCT  # texts that no format reads: such a column is text, and its texts not counted
LONGEST_MISSING = 30  # bytes of a text, with its blanks, that stands for a missing value in a column of texts alone
_MISSING_WORDS = pa.array(sorted({text.lower() for text in MISSING_TEXTS} | DISGUISED_TEXTS))
FORMATS = ("point", "comma", "iso", "day_first", "month_first", "year_first", "month_name", "compact")
MICROSECONDS = 1e6


@dataclass
class ColumnScan:
    """What was seen of a column.

    Attributes:
        rows: how many rows.
        blanks: how many of them are blank, or hold nothing.
        missing_texts: the usual texts for missing values, with counts.
        disguised: texts that may stand for a missing value, with counts.
        values: how often each other value occurs.
        summaries: the values as each format reads them; "typed" for those of a typed file.
        units: how often each unit stands beside a number.
        percents: rows of the first numbers with a % beside them.
        codes: numbers whose text a number would not keep: by reason, the first one and how many.
        fractions: how many plain numbers have a decimal point.
        minus: whether a number is below 0.
        untyped: whether cells are text in want of a type, as in CSV; in a typed file a text is a text.
        typed: the type in a typed file, empty where values are text.
        texts: how many values are text.
    """

    untyped: bool
    rows: int = 0
    blanks: int = 0
    missing_texts: Counter[str] = field(default_factory=Counter)
    disguised: Counter[str] = field(default_factory=Counter)
    values: ValueCounts = field(default_factory=ValueCounts)
    summaries: dict[str, ValueSummary] = field(
        default_factory=lambda: {name: ValueSummary() for name in (*FORMATS, "typed")}
    )
    units: Counter[str] = field(default_factory=Counter)
    codes: dict[str, list[Any]] = field(default_factory=dict)
    fractions: int = 0
    minus: bool = False
    percents: list[int] = field(default_factory=list)
    typed: str = ""
    texts: int = 0
    _known: dict[str, OddText] = field(default_factory=dict)
    _unreadable: int = 0

    @property
    def counts(self) -> Counter[str] | None:
        """How often each value occurs, by its text, after the last cell; None where more than `MOST_DISTINCT` do."""
        return self.values.by_text

    def add(self, column: pa.Array) -> None:
        """Take the next cells."""
        if pa.types.is_string(column.type):
            self._add_texts(column)
        else:
            self._add_typed(column)
        self.rows += len(column)

    def _add_texts(self, column: pa.StringArray) -> None:
        if column.null_count:
            column = pc.fill_null(column, "")
        if not len(column):
            return
        if self._unreadable > MOST_UNREADABLE:
            self._add_only_texts(column)
            return
        texts = PlainTexts(column)
        present = ~texts.blank
        self.blanks += int(texts.blank.sum())
        self._note_codes(column, texts)
        values = self._plain_values(texts)
        if texts.odd.any():
            self._read_odd(column, texts, values, present)
        self._count(column, present)
        self.texts += int(present.sum())
        for name, numbers in values.items():
            self.summaries[name].add(numbers, present, self.rows)

    def _add_only_texts(self, column: pa.StringArray) -> None:
        """Cells of a column that is surely text, and whose texts are no longer counted: which are missing, alone."""
        short = column.filter(pc.less(pc.binary_length(column), LONGEST_MISSING))
        words = pc.utf8_lower(pc.utf8_trim_whitespace(short))
        for entry in pc.value_counts(short.filter(pc.is_in(words, value_set=_MISSING_WORDS))).to_pylist():
            self._note_missing(odd_text(entry["values"]), entry["counts"])
        self.texts += len(column)

    def _plain_values(self, texts: PlainTexts) -> dict[str, Numbers]:
        """The plain numbers as a decimal point and as a decimal comma would have them: 1.234 may be 1,234."""
        point = texts.numbers
        fractions = texts.has_point & ~texts.odd
        self.fractions += int(fractions.sum())
        values = {"point": point}
        if not fractions.any():
            values["comma"] = point.copy() if texts.odd.any() else point
        elif self.summaries["comma"].count * 2 >= self.texts:
            values["comma"] = np.where(fractions, np.where(texts.grouped(), point * 1000, np.nan), point)
        if (times := compact_times(point)) is not None:
            values["compact"] = times
        return values

    def _read_odd(self, column: pa.StringArray, texts: PlainTexts, values: dict[str, Numbers], present: Mask) -> None:
        odd = np.flatnonzero(texts.odd)
        cells = column if len(odd) == len(column) else column.take(pa.array(odd))
        times = iso_times(cells)
        if times is not None:
            values.setdefault("iso", np.full(len(column), np.nan))[odd] = times
            return
        encoded = cells.dictionary_encode()
        indices = encoded.indices.to_numpy()
        known = [self._known_text(text) for text in encoded.dictionary.to_pylist()]
        frequencies = np.bincount(indices, minlength=len(known)).tolist()
        for text, count in zip(known, frequencies, strict=True):
            self._note_odd(text, count)
        if len(self.percents) < MOST_EXCEPTIONS:
            percent = np.array([text.unit == "%" for text in known])
            self.percents += (odd[percent[indices]][:MOST_EXCEPTIONS] + self.rows).tolist()
        absent = np.array([bool(text.missing) for text in known])
        present[odd[absent[indices]]] = False
        for name in FORMATS:
            read = np.array([getattr(text, name) for text in known])
            if name not in values and (np.isnan(read).all() or name == "comma"):
                continue
            values.setdefault(name, np.full(len(column), np.nan))[odd] = read[indices]

    def _known_text(self, text: str) -> OddText:
        found = self._known.get(text)
        if found is None:
            found = odd_text(text)
            self._unreadable += not found.missing and all(np.isnan(getattr(found, name)) for name in FORMATS)
            if len(self._known) < MOST_DISTINCT:
                self._known[text] = found
        return found

    def _note_odd(self, text: OddText, count: int) -> None:
        self._note_missing(text, count)
        if text.unit:
            self.units[text.unit] += count
        if text.code:
            self._note_code(text.code, text.text, count)
        if text.text.lstrip().startswith("-"):
            self.minus = True

    def _note_missing(self, text: OddText, count: int) -> None:
        if text.missing == "blank":
            self.blanks += count
        elif text.missing == "text":
            self.missing_texts[text.text.strip()] += count
        elif text.missing == "disguised":
            self.disguised[text.text] += count

    def _note_codes(self, column: pa.StringArray, texts: PlainTexts) -> None:
        padded = texts.padded()
        if padded.any():
            self._note_code("leading zeros", column[int(padded.argmax())].as_py(), int(padded.sum()))
        long = texts.long() & ~texts.odd & (np.abs(texts.numbers) >= 2.0**53)
        for index in np.flatnonzero(long).tolist():
            text = column[index].as_py()
            if code := number_code(text):
                self._note_code(code, text, 1)
        if not self.minus:
            self.minus = bool((texts.numbers < 0).any())

    def _note_code(self, reason: str, text: str, count: int) -> None:
        self.codes.setdefault(reason, [text, 0])[1] += count

    def _count(self, column: pa.Array, present: Mask) -> None:
        self.values.add(column if present.all() else column.filter(pa.array(present)))

    def _add_typed(self, column: pa.Array) -> None:
        self.blanks += column.null_count
        kind = column.type
        if pa.types.is_null(kind):
            return
        valid = pc.drop_null(column)
        present = np.ones(len(column), dtype=bool) if not column.null_count else np.asarray(column.is_valid())
        values = np.full(len(column), np.nan)
        if pa.types.is_boolean(kind):
            self.typed = self.typed or "boolean"
        elif pa.types.is_timestamp(kind):
            self.typed = self.typed or "time"
            values[present] = valid.cast(pa.int64()).to_numpy(zero_copy_only=False) / MICROSECONDS
        else:
            self.typed = self.typed or "number"
            values[present] = valid.to_numpy(zero_copy_only=False).astype(np.float64)
            self._note_large(valid)
            lost = np.isinf(values) | (np.isnan(values) & present)
            self.blanks += int((np.isnan(values) & present).sum())
            present &= ~np.isnan(values)
            values[lost] = np.nan
        self.summaries["typed"].add(values, present, self.rows)
        if self.typed == "number" and (times := compact_times(values)) is not None:
            self.summaries["compact"].add(times, present, self.rows)
        self._count(column.cast(pa.string()) if pa.types.is_boolean(kind) else column, present)

    def _note_large(self, valid: pa.Array) -> None:
        if pa.types.is_integer(valid.type) and len(valid):
            ends = pc.min_max(valid).as_py()
            largest = max(abs(ends["min"]), abs(ends["max"]))
            if largest > 2**53:
                self._note_code("integers beyond 2^53", str(largest), 1)
