"""What a column of a file holds, found from all of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from penstock.console.table.number_format import NumberFormat
from penstock.contracts.declaration.stream import TimeFormat

Kind = Literal["number", "integer", "boolean", "time", "text", "empty"]


@dataclass(frozen=True, slots=True)
class OddCell:
    """A cell that is not what its column is: the row from 0, the line of the file on which it ends, and its text."""

    row: int
    line: int
    text: str


@dataclass(frozen=True)
class ColumnProfile:
    """What a column holds.

    Attributes:
        name: of the column.
        kind: what its values are. Numbers whose text a number would not keep are text, see `codes`; a column without
            values is empty.
        rows: how many rows there are.
        missing: how many of them have no value: a blank cell, or one of `missing_texts`.
        distinct: how many different texts its values have, `MOST_DISTINCT + 1` (10,001) for any more.
        counts: how often each text occurs, the most frequent first, blanks and `missing_texts` left out; empty where
            there are more than `MOST_DISTINCT`. In a typed file the text is that of the value.
        minimum: of numbers (float) or times (with a zone; those of the file in UTC where it has none).
        maximum: likewise.
        number_format: how numbers are written, None for other kinds.
        time_format: how times are written, None for other kinds.
        ambiguous: what else the column could be read as ("month-first", "1,234 is 1.234"); empty where nothing.
        exceptions: the first cells that are not of the column's kind; they are sent as they are, and refused.
        exception_count: how many there are.
        missing_texts: texts that are taken for missing values here, with how often they occur, the blank left out.
        kept_texts: texts that elsewhere are missing values, but are values here: NA beside EU and APAC.
        disguised: values that may stand for missing ones ("unknown", "?", -999), with counts; never taken silently. A
            text among numbers is here and not in `exceptions`.
        codes: why numbers are kept as text, with an example, such as "leading zeros: 00007"; empty where they are not.
        merged: texts of the column that are one number, such as 1.1 and 1.10, the first few pairs.
        unique: whether no text occurs twice, among the first `MOST_DISTINCT` values where there are more.
        rising: whether numbers or times grow with the rows, but for a few that are out of order (`late`).
        late: how many rows have a smaller number or time than a row before them.
    """

    name: str
    kind: Kind
    rows: int
    missing: int = 0
    distinct: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    minimum: float | datetime | None = None
    maximum: float | datetime | None = None
    number_format: NumberFormat | None = None
    time_format: TimeFormat | None = None
    ambiguous: str = ""
    exceptions: tuple[OddCell, ...] = ()
    exception_count: int = 0
    missing_texts: Mapping[str, int] = field(default_factory=dict)
    kept_texts: Mapping[str, int] = field(default_factory=dict)
    disguised: Mapping[str, int] = field(default_factory=dict)
    codes: str = ""
    merged: tuple[tuple[str, str], ...] = ()
    unique: bool = False
    rising: bool = False
    late: int = 0

    @property
    def values(self) -> int:
        """How many rows have a value."""
        return self.rows - self.missing
