"""Parts of the demo's loan applications, for streams that are sent bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.replay.rows.labelled_rows import Row


@dataclass(frozen=True)
class Loans:
    """Loan applications `[start, stop)`."""

    start: int
    stop: int

    def rows(self) -> Iterator[Row]:
        """The applications in order."""
        return islice(CreditRisk(self.stop, None).rows(), self.start, self.stop)

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """The request body of the loan's label."""
        return CreditRisk(self.stop, None).label_of(row, known_at)
