"""Times as files write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.console.table.time_format import parse_time
from penstock.contracts.declaration.stream import TimeFormat

TIMES = st.datetimes(timezones=st.sampled_from([UTC, ZoneInfo("Asia/Kolkata")]))
RECENT = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2099, 1, 1), timezones=st.just(UTC))
SECOND = timedelta(seconds=1)


@given(time=TIMES)
def test_iso_times_are_read_as_written(time: datetime) -> None:
    assert parse_time(time.isoformat(), "iso", UTC) == time
    assert parse_time(time.replace(tzinfo=None).isoformat(" "), "iso", UTC) == time.replace(tzinfo=UTC)
    assert parse_time(time.strftime("%Y/%m/%d").zfill(10), "iso", UTC) is not None


def short_forms(time: datetime) -> list[tuple[str, TimeFormat]]:
    """Forms with a year of two digits."""
    return [
        (time.strftime("%d.%m.%y %H:%M:%S"), "day-first"),
        (time.strftime("%m/%d/%y %H:%M:%S"), "month-first"),
        (time.strftime("%y-%m-%d %H:%M:%S"), "year-first"),
        (time.strftime("%d-%b-%y %H:%M:%S"), "month-name"),
    ]


@given(time=RECENT)
def test_other_forms_say_the_same_time(time: datetime) -> None:
    whole = time.replace(microsecond=0)
    forms: list[tuple[str, TimeFormat]] = [
        (whole.strftime("%d.%m.%Y %H:%M:%S"), "day-first"),
        (f"{whole.day}/{whole.month}/{whole:%Y %I:%M:%S %p}", "day-first"),
        (whole.strftime("%m/%d/%Y %I:%M:%S%p"), "month-first"),
        (whole.strftime("%m-%d-%Y %H:%M:%S+00:00"), "month-first"),
        (str(int(whole.timestamp())), "epoch-seconds"),
        (str(int(whole.timestamp()) * 1000), "epoch-milliseconds"),
        (str(int(whole.timestamp()) * 10**6), "epoch-microseconds"),
        (str(int(whole.timestamp()) * 10**9), "epoch-nanoseconds"),
        (whole.strftime("%Y/%m/%d %H:%M:%S UTC"), "iso"),
        (whole.strftime("%Y%m%d%H%M%S"), "yyyymmdd"),
        (whole.strftime("%Y%m%dT%H%M%SZ"), "yyyymmdd"),
        (whole.strftime("%a, %d %b %Y %H:%M:%S GMT"), "month-name"),
        (whole.strftime("%B %d, %Y, %I:%M:%S %p"), "month-name"),
        (f"{whole.day}th {whole:%b %Y %H:%M:%S}", "month-name"),
        *(() if whole.year > 2068 else short_forms(whole)),
    ]
    assert {parse_time(text, form, UTC) for text, form in forms} == {whole}


def test_a_time_without_a_zone_is_in_the_declared_one() -> None:
    paris = ZoneInfo("Europe/Paris")
    noon = datetime(2024, 7, 1, 10, tzinfo=UTC)
    assert parse_time("01.07.2024 12:00", "day-first", paris) == noon
    assert parse_time("7/1/2024 12:00 PM", "month-first", paris) == noon
    assert parse_time("01.07.2024 10:00 Z", "day-first", paris) == noon
    assert parse_time("1719828000", "epoch-seconds", paris) == noon


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("31.02.2024", "day-first"),
        ("12/31/2020", "day-first"),
        ("31/12/2020", "month-first"),
        ("13:00 PM", "iso"),
        ("2024-01-01 13:00 PM", "iso"),
        ("1/2/020", "day-first"),
        ("1.10.12", "day-first"),
        ("24-13-12", "year-first"),
        ("31 June 2024", "month-name"),
        ("3 Maybe 2024", "month-name"),
        ("20240230", "yyyymmdd"),
        ("2024013", "yyyymmdd"),
        ("soon", "epoch-seconds"),
        ("1e400", "epoch-milliseconds"),
        ("9" * 5000, "epoch-seconds"),
        ("nan", "epoch-seconds"),
    ],
)
def test_what_is_no_time_is_none(text: str, form: TimeFormat) -> None:
    assert parse_time(text, form, UTC) is None


@given(
    text=st.one_of(st.text(), st.from_regex(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}.{0,9}")),
    form=st.sampled_from(get_args(TimeFormat)),
)
def test_other_text_is_no_time(text: str, form: TimeFormat) -> None:
    time = parse_time(text, form, UTC)
    assert time is None or time.tzinfo is not None
