"""Generated loan applications for the demo, with a concept drift planted at a known event.

Whether a loan defaults depends on the income, the loan's share of it, the age of the account and the purpose. At the
drift, short-time work sets in: a high income no longer lowers the risk, and the purpose of the loan starts to matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from penstock.console.replay.rows.labelled_rows import Row, event_body, label_body
from penstock.contracts.ids import derived_id

SOURCE = "demo/credit-risk"
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
STEP = timedelta(seconds=90)
PURPOSES = ("car", "education", "home", "holiday", "business")
REGIONS = ("north", "south", "east", "west")
CUSTOMERS = 500


@dataclass(frozen=True)
class CreditRisk:
    """`count` applications; the drift is at number `planted_at` (None: there is none)."""

    count: int
    planted_at: int | None
    seed: int = 7

    def rows(self) -> Iterator[Row]:
        """The applications in order; the same seed gives the same applications."""
        random = np.random.default_rng(self.seed)
        for number in range(self.count):
            drifted = self.planted_at is not None and number >= self.planted_at
            yield _row(number, random, drifted=drifted)

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """Whether the loan defaulted, as it becomes known at `known_at`."""
        return label_body(SOURCE, row, known_at)


def _row(number: int, random: np.random.Generator, *, drifted: bool) -> Row:
    income = float(np.round(random.lognormal(10.4, 0.45), 2))
    amount = float(np.round(random.lognormal(9.2, 0.6), 2))
    months = int(random.integers(1, 180))
    purpose = PURPOSES[int(random.integers(len(PURPOSES)))]
    customer = f"c-{int(random.integers(CUSTOMERS)):03d}"
    data: dict[str, float | str] = {
        "customer": customer,
        "income": income,
        "amount": amount,
        "account_months": months,
        "purpose": purpose,
        "region": REGIONS[int(random.integers(len(REGIONS)))],
    }
    risk = _risk_after(data) if drifted else _risk_before(data)
    defaulted = bool(risk + random.normal(0.0, 0.35) > 0)
    record_id = derived_id("credit-risk", number)
    time = START + number * STEP
    event = event_body(SOURCE, record_id, time, data)
    return Row(number, record_id, time, customer, event, "yes" if defaulted else "no")


def _risk_before(data: dict[str, float | str]) -> float:
    burden = float(data["amount"]) / float(data["income"])
    return (
        2.2 * (burden - 0.38)
        - 0.9 * (float(data["income"]) / 33_000 - 1)
        - 0.004 * (float(data["account_months"]) - 90)
    )


def _risk_after(data: dict[str, float | str]) -> float:
    burden = float(data["amount"]) / float(data["income"])
    purpose_risk = {"business": 1.1, "home": 0.5, "car": -0.1, "education": -0.7, "holiday": -0.8}[str(data["purpose"])]
    return purpose_risk + 0.6 * (burden - 0.38) + 0.8 * (float(data["income"]) / 33_000 - 1) - 0.1
