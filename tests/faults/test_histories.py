"""Whatever comes in whatever order, each event and each label ends in one way."""

from __future__ import annotations

from tests.faults.histories import check_histories

HISTORIES = 100  # `make faults` tries a thousand


def test_generated_histories_hold_every_invariant() -> None:
    check_histories(HISTORIES)
