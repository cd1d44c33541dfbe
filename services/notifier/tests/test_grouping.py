"""Which alerts are sent: one in each group interval, worse ones at once, and the end once."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.records.monitoring import Alert
from penstock.notifier.grouping import FORGOTTEN_MS, Matter, is_silent, is_wanted, judge
from penstock.notifier.notifications import Destination, Silence

from .site import HOUR, NOW, alert

HOURLY = Destination(name="ops", severity="warning")


def told(alerts: list[tuple[int, Alert]], destination: Destination = HOURLY) -> list[tuple[int, int]]:
    """When something was sent, and how many alerts had been counted since the last that was sent."""
    matter: Matter | None = None
    sent = []
    for time, one in alerts:
        before, verdict = matter, judge(one, time, matter, destination)
        matter = verdict.matter
        if verdict.is_sent:
            sent.append((time, before.unsent if before else 0))
    return sent


def test_within_the_interval_alerts_of_a_key_are_counted_and_then_told_of() -> None:
    times = [0, 1, HOUR - 1, HOUR, HOUR + 1, 2 * HOUR]
    assert told([(time, alert(1)) for time in times]) == [(0, 0), (HOUR, 2), (2 * HOUR, 1)]


def test_a_worse_alert_is_sent_at_once_and_a_milder_one_is_counted() -> None:
    warning, critical = alert(1, severity="warning"), alert(1)
    assert told([(0, warning), (1, critical), (2, warning), (3, critical)]) == [(0, 0), (1, 0)]


def test_the_end_is_told_once_to_whom_was_told_of_the_beginning() -> None:
    end = alert(1, state="resolved", severity="info")
    assert told([(0, end), (1, alert(1)), (2, end), (3, end), (4, alert(1))]) == [(1, 0), (2, 0), (4, 0)]


def test_a_key_begins_anew_after_a_day_of_silence() -> None:
    before = Matter(first_seen=0, last_seen=5, sent=5, severity="critical", unsent=7)
    later = judge(alert(1), 5 + FORGOTTEN_MS, before, HOURLY).matter
    assert later is not None
    assert (later.first_seen, later.unsent) == (5 + FORGOTTEN_MS, 0)


@given(st.lists(st.integers(0, 3 * HOUR), max_size=40))
def test_law_every_alert_is_sent_or_counted_and_none_is_sent_within_an_interval(gaps: list[int]) -> None:
    matter: Matter | None = None
    sent, counted = [], 0
    for time in accumulate(gaps):
        verdict = judge(alert(1), time, matter, HOURLY)
        if verdict.is_sent:
            sent.append(time)
            counted += matter.unsent if matter else 0
        matter = verdict.matter
    assert all(later - earlier >= HOUR for earlier, later in pairwise(sent))
    assert len(sent) + counted + (matter.unsent if matter else 0) == len(gaps)


@pytest.mark.parametrize(
    ("filters", "fields", "expected"),
    [
        ({"severity": "critical"}, {"severity": "warning"}, False),
        ({"severity": "info"}, {"severity": "info"}, True),
        ({"kinds": ["drift"]}, {}, False),
        ({"kinds": ["drift", "shortfall"]}, {}, True),
        ({"kinds": ["drift"]}, {"kind": None}, False),
        ({"streams": ["other"]}, {}, False),
        ({"streams": ["loans"]}, {"stream": None}, False),
        ({"streams": ["loans"]}, {}, True),
    ],
)
def test_a_destination_gets_what_it_asks_for(filters: dict[str, Any], fields: dict[str, Any], expected: bool) -> None:
    destination = Destination.model_validate({"name": "ops", **filters})
    assert is_wanted(alert(1, **fields), destination) is expected


def test_a_silence_holds_back_what_it_names_until_its_time() -> None:
    until = datetime.fromtimestamp(NOW / 1000, UTC)
    silences = [Silence(kind="drift", stream="loans", until=until), Silence(stream="meters", until=until)]
    drift = alert(1, kind="drift")
    assert is_silent(drift, NOW - 1, silences)
    assert not is_silent(drift, NOW, silences)
    assert not is_silent(alert(1, kind="drift", stream="other"), NOW - 1, silences)
    assert not is_silent(alert(1), NOW - 1, silences)
    assert is_silent(alert(1, stream="meters"), NOW - 1, silences)
    assert not is_silent(alert(1, stream="meters", state="resolved"), NOW - 1, silences)
