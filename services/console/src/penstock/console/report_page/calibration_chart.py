"""What the answers said against what was true, as a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.console.replay.report.metrics import CalibrationBin
from penstock.console.replay.report.report import Report
from penstock.console.report_page.axis import Axis, axis_around
from penstock.console.report_page.numbers import number_text

SMALLEST_DOT, LARGEST_DOT = 6, 20  # pixels
SQUARE = Axis(0.0, 1.0, 0.2)


@dataclass(frozen=True)
class Dot:
    """One bin: its place and its interval in percent, its diameter in pixels, its share of the rows in percent."""

    x: float
    y: float
    low: float
    high: float
    size: float
    rows: int
    share: float
    said: str
    true: str
    text: str


@dataclass(frozen=True)
class CalibrationChart:
    """The dots, and the one axis that both directions have."""

    axis: Axis
    across: str
    up: str
    dots: Sequence[Dot]


def calibration_chart(report: Report) -> CalibrationChart | None:
    """The chart of a report, None where no answer came with a probability, or none at all."""
    bins = report.calibration
    if not bins:
        return None
    axis = _axis(report)
    most = max(each.rows for each in bins)
    across, up = _axis_names(report)
    return CalibrationChart(axis, across, up, [_dot(each, axis, most) for each in bins])


def _axis(report: Report) -> Axis:
    if report.classes:
        return SQUARE
    bins = report.calibration
    return axis_around([each.predicted for each in bins] + [end for each in bins for end in (each.low, each.high)])


def _axis_names(report: Report) -> tuple[str, str]:
    if not report.classes:
        return "answer, mean of the bin", "true value, mean (line: 10 % to 90 % of the rows)"
    if len(report.classes) == 2:
        return f"probability of {report.positive!r}, mean of the bin", f"share that is {report.positive!r}"
    return "probability of the answer, mean of the bin", "share of right answers"


def _dot(each: CalibrationBin, axis: Axis, most: int) -> Dot:
    said, true = number_text(each.predicted), number_text(each.observed)
    size = SMALLEST_DOT + (LARGEST_DOT - SMALLEST_DOT) * (each.rows / most) ** 0.5
    return Dot(
        x=axis.at(each.predicted),
        y=axis.at(each.observed),
        low=axis.at(each.low),
        high=axis.at(each.high),
        size=round(size, 1),
        rows=each.rows,
        share=round(100 * each.rows / most, 1),
        said=said,
        true=true,
        text=f"{each.rows:,} rows: said {said}, true {true} ({number_text(each.low)} to {number_text(each.high)})",
    )
