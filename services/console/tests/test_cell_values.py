"""Values as files write them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from penstock.console.cell_values import parse_time


@given(time=st.datetimes(timezones=st.sampled_from([UTC, ZoneInfo("Asia/Kolkata")])))
def test_iso_times_are_read_as_written(time: datetime) -> None:
    assert parse_time(time.isoformat(), UTC) == time
    assert parse_time(time.replace(tzinfo=None).isoformat(), UTC) == time.replace(tzinfo=UTC)


@given(text=st.one_of(st.text(), st.from_regex(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}.{0,9}")))
def test_other_text_is_no_time(text: str) -> None:
    time = parse_time(text, UTC)
    assert time is None or time.tzinfo is not None
