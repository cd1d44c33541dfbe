"""The quality of a stream's newest answers, as the registry gives it: on two clocks, by window and by group."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

METRICS = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "ece": "calibration error",
    "mae": "mae",
    "rmse": "rmse",
    "mape": "mape",
}
CLOCK_COLOURS = {"matured": "green", "provisional": "yellow"}


def answer_quality(document: dict[str, Any]) -> Group:
    """Both clocks, and below them the groups that were asked for, else the windows of event time."""
    parts: list[Any] = [_clocks_table(document), _label_line(document)]
    parts.append(_groups_table(document) if document["by"] else _windows_table(document))
    return Group(*parts)


def _clocks_table(document: dict[str, Any]) -> Table:
    shown = [document["matured"], document["provisional"]]
    metrics = _metrics_of(shown)
    title = f"The newest answers of {document['stream']}"
    columns = ("", "event time", "outcomes arrived", *_COUNTS, *metrics.values(), "estimate")
    table = Table(*columns, title=title, title_justify="left")
    for clock, figures in (("matured", shown[0]), ("provisional", shown[1])):
        times = [_span(figures["first_event"], figures["last_event"])]
        times.append(_span(figures["first_arrival"], figures["last_arrival"]))
        cells = [*times, *_counts(figures), *_scores(figures, metrics, with_interval=True)]
        table.add_row(_clock(clock), *cells, _estimate(document, figures))
    return table


def _windows_table(document: dict[str, Any]) -> Table:
    windows = document["windows"]
    metrics = _metrics_of(windows)
    table = Table("", "event time", *_COUNTS, *metrics.values(), "estimate")
    for window in windows:
        cells = [_span(window["first_event"], window["last_event"]), *_counts(window)]
        table.add_row(_clock(window["clock"]), *cells, *_scores(window, metrics), _number(window["estimate"]))
    return table


def _groups_table(document: dict[str, Any]) -> Table:
    groups = document["groups"]
    metrics = _metrics_of([figures for group in groups for figures in (group["matured"], group["provisional"])])
    table = Table(*document["by"], "", *_COUNTS, *metrics.values(), "estimate")
    for group in groups:
        names = [value or "(missing)" for value in group["values"]]
        for clock in ("matured", "provisional"):
            figures = group[clock]
            if figures["answers"]:
                cells = [*_counts(figures), *_scores(figures, metrics, with_interval=True)]
                table.add_row(*names, _clock(clock), *cells, _number(figures["estimate"]))
    return table


_COUNTS = ("answers", "labelled", "coverage")


def _label_line(document: dict[str, Any]) -> str:
    horizon = timedelta(seconds=document["label_horizon"])
    if document["label_lateness"] is None:
        return f"no label has come yet; labels are waited for over {horizon}"
    late, until = timedelta(seconds=round(document["label_lateness"])), _time(document["matured_until"])
    line = f"labels come up to {late} behind the newest, and are waited for over {horizon}: matured until {until}"
    since = document["complete_from"]
    return line + (f"; provisional answers count from {_time(since)} on" if since else "")


def _metrics_of(figures: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The metrics that some figures have, with their titles."""
    return {name: title for name, title in METRICS.items() if any(name in one["metrics"] for one in figures)}


def _counts(figures: dict[str, Any]) -> list[str]:
    coverage = "-" if figures["coverage"] is None else f"{figures['coverage']:.1%}"
    return [f"{figures['answers']:,}", f"{figures['labelled']:,}", coverage]


def _scores(figures: dict[str, Any], metrics: dict[str, str], *, with_interval: bool = False) -> list[str]:
    return [_score(figures["metrics"].get(name), with_interval=with_interval) for name in metrics]


def _score(metric: dict[str, Any] | None, *, with_interval: bool) -> str:
    if metric is None:
        return "-"
    bounds = "" if metric["low"] is None else f" [{metric['low']:.3g}, {metric['high']:.3g}]"
    return f"{metric['value']:.4g}" + (bounds if with_interval else "")


def _estimate(document: dict[str, Any], figures: dict[str, Any]) -> str:
    """The estimate, with what estimates were off by so far."""
    if figures["estimate"] is None:
        return "-"
    error = document["estimate_error"]
    return _number(figures["estimate"]) + ("" if error is None else f" (off by {error:.2g} so far)")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _clock(clock: str) -> Text:
    return Text(clock, style=CLOCK_COLOURS[clock])


def _span(first: str | None, last: str | None) -> str:
    """From the first to the last time, without what the last repeats of the first."""
    if first is None or last is None:
        return "-"
    begin, end = _time(first), _time(last)
    return begin if begin == end else f"{begin} - {end[11:] if begin[:10] == end[:10] else end}"


def _time(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S}"
