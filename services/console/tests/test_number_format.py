"""Numbers as files write them, and texts that a number would not keep."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.console.table.number_format import NumberFormat
from penstock.console.table.odd_text import number_code

CENTS = st.integers(-(10**12), 10**12).map(lambda cents: Decimal(cents) / 100)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(number=FINITE)
def test_what_programs_write_is_read(number: float) -> None:
    for text in (repr(number), f"{number:e}", f" {number!r} ", f"{number:.17g}"):
        assert NumberFormat().parse(text) == float(text)


@given(amount=CENTS)
def test_separators_and_units_change_nothing(amount: Decimal) -> None:
    english = f"{amount:,.2f}"
    german = english.replace(",", "_").replace(".", ",").replace("_", ".")
    sign, digits = ("-", english[1:]) if amount < 0 else ("", english)
    for text, form in (
        (english, NumberFormat()),
        (english.replace(",", " "), NumberFormat()),
        (english.replace(",", "\u00a0"), NumberFormat()),
        (english.replace(",", "'"), NumberFormat()),
        (german, NumberFormat(",")),
        (german.replace(".", "\u202f"), NumberFormat(",")),
        (f"{sign}${digits}", NumberFormat(unit="$")),
        (f"${sign}{digits}", NumberFormat(unit="$")),
        (f"{german} €", NumberFormat(",", "€")),
        (f"{english}%", NumberFormat(unit="%")),
    ):
        assert form.parse(text) == float(amount), text


@pytest.mark.parametrize("text", ["", "-", ".", "1_000", "0x10", "1L", "inf", "-Infinity", "nan", "1e400", "12,50"])
@pytest.mark.parametrize("around", ["{}", " {} "])
def test_what_is_no_number_to_a_program_is_none_here(text: str, around: str) -> None:
    assert NumberFormat().parse(around.format(text)) is None


@pytest.mark.parametrize("text", ["1,23,456", "1 2", "1.2.3", "$", "12 €", "0,123", "1,2345", "--1", "$1€", "1e", "x1"])
def test_other_text_is_no_number(text: str) -> None:
    assert NumberFormat().parse(text) is None


@given(text=st.text(max_size=12))
def test_any_text_is_a_finite_number_or_none(text: str) -> None:
    for form in (NumberFormat(), NumberFormat(","), NumberFormat(".", "€")):
        number = form.parse(text)
        assert number is None or abs(number) < float("inf")


@given(number=st.integers(-(2**60), 2**60), pad=st.integers(0, 3))
def test_a_whole_number_is_a_code_where_a_number_would_not_write_it_back(number: int, pad: int) -> None:
    text = f"-{'0' * pad}{-number}" if number < 0 else f"{'0' * pad}{number}"
    kept = str(int(float(text))) == text and abs(number) <= 2**53
    assert (number_code(text) == "") == kept or abs(number) > 2**53
