"""Of several records of an event the first by offset counts."""

from __future__ import annotations

import pytest

from penstock.console.replay.watch.event_columns import EventColumns

from .test_report import STREAM


@pytest.mark.parametrize("expired_first", [True, False])
def test_an_event_ended_as_its_first_outcome_says(expired_first: bool) -> None:
    columns = EventColumns(STREAM.declaration)
    columns.end("e", 0, expired=expired_first)
    columns.end("e", 1, expired=not expired_first)
    assert columns.expired(columns.slots_of(iter(["e"]), 1)).tolist() == [expired_first]
