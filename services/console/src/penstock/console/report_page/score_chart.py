"""The score over time as a chart: the served answers, the constant, the epochs as spans, drifts and trainings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from penstock.console.replay.report.epoch_lines import EpochLine
from penstock.console.replay.report.metric_names import METRIC_NAMES, progress_metric
from penstock.console.replay.report.report import Report
from penstock.console.replay.report.scores import block_size
from penstock.console.report_page.axis import Axis, axis_around, axis_from
from penstock.console.report_page.numbers import number_text

ROW_TICKS = 5


@dataclass(frozen=True)
class Span:
    """A part of an axis, in percent, with its name, its explanation and what it links to."""

    left: float
    width: float
    name: str
    text: str
    link: str = ""


@dataclass(frozen=True)
class Mark:
    """A point of an axis, in percent, with its explanation and what it links to."""

    at: float
    text: str
    link: str


@dataclass(frozen=True)
class ScoreChart:
    """The chart: positions are percentages of the plot, from its left and its bottom.

    `served` and `constant` are paths in a square of 100 from the top left, `blocks` explain each block of rows.
    """

    rows: Axis
    scores: Axis
    served: str
    constant: str
    blocks: Sequence[Span]
    epochs: Sequence[Span]
    drifts: Sequence[Mark]
    trainings: Sequence[Mark]
    warmup: float
    block_rows: int


def score_chart(report: Report) -> ScoreChart | None:
    """The chart of a report, None where no block of rows has a score."""
    served, constant = [b.score for b in report.progress], [b.baseline for b in report.progress]
    if not any(score is not None and isfinite(score) for score in served):
        return None
    rows = axis_from(0, report.events, ROW_TICKS)
    is_share = bool(report.classes)
    scores = axis_around([*served, *constant], zero=not is_share, highest=1.0 if is_share else None)
    size = block_size(report.events)
    ends = [min(block.row + size, report.events) for block in report.progress]
    middles = [rows.at((block.row + end) / 2) for block, end in zip(report.progress, ends, strict=True)]
    return ScoreChart(
        rows=rows,
        scores=scores,
        served=_path(middles, served, scores),
        constant=_path(middles, constant, scores),
        blocks=[
            _span(rows, block.row, end, "", _block_text(report, block.row, end, block.score, block.baseline))
            for block, end in zip(report.progress, ends, strict=True)
        ],
        epochs=_epoch_spans(report.epochs, rows),
        drifts=[
            Mark(rows.at(line.at_event), f"{line.kind} drift {line.field or ''} at row {line.at_event:,}", f"drift-{n}")
            for n, line in enumerate(report.drifts, 1)
            if line.at_event is not None
        ],
        trainings=[
            Mark(rows.at(line.at_event), f"training at row {line.at_event:,}: {line.result}", f"training-{n}")
            for n, line in enumerate(report.trainings, 1)
            if line.at_event is not None
        ],
        warmup=rows.at(int(report.warmup * report.events)),
        block_rows=size,
    )


def _epoch_spans(epochs: Sequence[EpochLine], rows: Axis) -> list[Span]:
    """One span for each epoch that answered a row, up to the first row of the next."""
    begins = sorted((line.at_event, line) for line in epochs if line.at_event is not None)  # epochs differ in their row
    ends = [row for row, _ in begins[1:]] + [int(rows.high)]
    return [
        _span(rows, row, end, f"{line.epoch}: {line.family}", _epoch_text(line), f"epoch-{line.epoch}")
        for (row, line), end in zip(begins, ends, strict=True)
    ]


def _epoch_text(line: EpochLine) -> str:
    return f"Epoch {line.epoch}: {line.model} ({line.family}), from row {line.at_event:,} on. {line.reason}"


def _block_text(report: Report, first: int, end: int, score: float | None, constant: float | None) -> str:
    name = METRIC_NAMES[progress_metric(report.classes)]
    return f"Rows {first:,} to {end - 1:,}: {name} {number_text(score)}, of a constant {number_text(constant)}"


def _span(rows: Axis, first: int, end: int, name: str, text: str, link: str = "") -> Span:
    left = rows.at(first)
    return Span(left, round(rows.at(end) - left, 2), name, text, link)


def _path(across: Sequence[float], scores: Sequence[float | None], axis: Axis) -> str:
    """The line through the scores, with gaps where there is none."""
    points = [
        f"{x:g} {round(100 - axis.at(score), 2):g}" if score is not None and isfinite(score) else ""
        for x, score in zip(across, scores, strict=True)
    ]
    moves = (
        f"L{point}" if before else f"M{point}L{point}" for before, point in pairwise(["", *points]) if point
    )  # a line to itself is a dot
    return "".join(moves)
