"""Axes, and scores over time as text."""

from __future__ import annotations

from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from penstock.console.report_page.axis import axis_around, axis_from
from penstock.console.views.sparkline import BARS, ScoreLines, averages

numbers = st.floats(-1e9, 1e9).map(lambda value: round(value, 6))


@given(st.lists(numbers, min_size=1, max_size=8), st.booleans())
def test_an_axis_holds_all_values_and_has_a_few_ticks_at_distinct_places(values: list[float], zero: bool) -> None:
    axis = axis_around(values, zero=zero)
    assert axis.low < axis.high
    assert axis.low <= min(values) + axis.step * 1e-6
    assert max(values) <= axis.high + axis.step * 1e-6
    ticks = axis.ticks
    assert 2 <= len(ticks) <= 12
    assert [tick.at for tick in ticks] == sorted({tick.at for tick in ticks})


@given(st.integers(0, 10**7))
def test_an_axis_of_rows_has_whole_numbers_and_ends_with_them(rows: int) -> None:
    axis = axis_from(0, rows, 5)
    assert axis.high == max(1, rows)
    assert len(axis.ticks) <= 7


@given(st.lists(st.one_of(st.none(), numbers), max_size=100), st.integers(1, 60))
def test_averages_lie_among_the_scores_and_are_no_more_than_asked_for(scores: list[float | None], parts: int) -> None:
    means = averages(scores, parts)
    assert len(means) == min(parts, len(scores))
    known = [score for score in scores if score is not None]
    assert all(min(known) - 1 <= mean <= max(known) + 1 for mean in means if mean is not None)
    assert (not known) == all(mean is None for mean in means)


def printed(lines: ScoreLines, width: int, *, terminal: bool) -> list[str]:
    console = Console(file=StringIO(), width=width, force_terminal=terminal, no_color=True, highlight=False)
    with console.capture() as capture:
        console.print(lines)
    return [line.rstrip() for line in capture.get().replace("\x1b[2m", "").replace("\x1b[0m", "").splitlines()]


LINES = ScoreLines({"accuracy": [0.5] * 50 + [0.9] * 50, "a constant": [0.5] * 100}, "row 10,000")


def test_in_a_terminal_scores_are_bars_that_fit_its_width() -> None:
    for width in (20, 40, 100):
        served, constant, last = printed(LINES, width, terminal=True)
        assert len(served) <= width
        assert served.startswith(f"accuracy    {BARS[0]}")
        assert served.endswith(BARS[-1])
        assert set(constant.removeprefix("a constant  ")) == {BARS[0]}
        assert last.strip().startswith("up to")


def test_elsewhere_they_are_a_few_plain_numbers() -> None:
    served, _, last = printed(LINES, 120, terminal=False)
    assert served.split() == ["accuracy", *["0.5"] * 5, *["0.9"] * 5]
    assert last.strip() == "up to row 10,000; lowest 0.5, highest 0.9"


def test_without_a_score_nothing_is_drawn() -> None:
    assert printed(ScoreLines({"accuracy": [None, None]}, "row 2"), 80, terminal=True) == []
