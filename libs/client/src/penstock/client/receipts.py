"""What became of rows that were sent: how many were accepted, and which were refused and why."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import msgspec

from penstock.client.records import Record, html_table

Kind = Literal["events", "labels"]


class Refusal(Record, frozen=True):
    """Why a row was refused: `index` is its place among the rows, from 0."""

    index: int
    id: str | None
    code: str
    field: str | None
    detail: str


class Receipt(msgspec.Struct):
    """What became of the rows of one call.

    `ids` are those of the events, row by row, also of refused ones; where rows brought none the client made them.
    `absent` rows had no label, which is no label yet: they were not sent.
    """

    stream: str
    kind: Kind
    accepted: int = 0
    absent: int = 0
    refused: list[Refusal] = msgspec.field(default_factory=list)
    ids: list[str] = msgspec.field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows were read; of a call that ended early some of them may have no verdict."""
        return len(self.ids)

    def reasons(self) -> dict[str, int]:
        """How many rows were refused for each code and field, the commonest first."""
        counts = Counter(f"{refusal.code} {refusal.field or ''}".strip() for refusal in self.refused)
        return dict(counts.most_common())

    def __repr__(self) -> str:
        """What became of the rows, in a line."""
        parts = [f"{self.accepted:,} of {self.rows:,} {self.kind} accepted by {self.stream}"]
        if self.absent:
            parts.append(f"{self.absent:,} without a label")
        if self.refused:
            why = ", ".join(f"{reason}: {count:,}" for reason, count in self.reasons().items())
            parts.append(f"{len(self.refused):,} refused ({why})")
        return "; ".join(parts)

    def _repr_html_(self) -> str:
        refused = [[getattr(refusal, name) for name in Refusal.__struct_fields__] for refusal in self.refused]
        return f"<p>{self!r}</p>" + (html_table(Refusal.__struct_fields__, refused) if refused else "")
