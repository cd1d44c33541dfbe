"""Refused rows by reason: how many, the first of them, and an example."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal, NamedTuple

from penstock.console.record_refusal import RefusalReason

FIRST_ROWS = 5  # of each reason whose numbers are kept

Kind = Literal["event", "label"]


class _Key(NamedTuple):
    kind: Kind
    code: str
    field: str


@dataclass
class RefusedRows:
    """The rows that were refused for one reason.

    Attributes:
        kind: whether the row's event was refused, or only its label.
        code: the reason.
        field: what it is about; empty for the whole record.
        rows: how many.
        first_rows: the numbers of the first of them, from 0.
        example: the reason in words, of the first of them.
    """

    kind: Kind
    code: str
    field: str
    example: str
    rows: int = 0
    first_rows: list[int] = dataclasses.field(default_factory=list)


@dataclass
class RefusalCounts:
    """Counts refused rows by kind, code and field."""

    _by_reason: dict[_Key, RefusedRows] = dataclasses.field(default_factory=dict)

    def add(self, kind: Kind, number: int, reason: RefusalReason) -> None:
        """Count the row of this number."""
        key = _Key(kind, reason.code, reason.field)
        refused = self._by_reason.setdefault(key, RefusedRows(*key, reason.detail))
        refused.rows += 1
        if len(refused.first_rows) < FIRST_ROWS:
            refused.first_rows.append(number)

    def copy(self) -> RefusalCounts:
        """The same counts, to go on counting from."""
        return RefusalCounts(deepcopy(self._by_reason))

    def count(self, kind: Kind) -> int:
        """How many rows were refused as such."""
        return sum(refused.rows for refused in self if refused.kind == kind)

    def __iter__(self) -> Iterator[RefusedRows]:
        """The reasons, the most frequent first."""
        return iter(sorted(self._by_reason.values(), key=lambda refused: -refused.rows))

    def __len__(self) -> int:
        """How many reasons there are."""
        return len(self._by_reason)
