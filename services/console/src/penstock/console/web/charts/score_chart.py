"""The score of a stream over event time, on both clocks, with what changed: epochs, drifts, trainings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.console.replay.report.metric_names import METRIC_NAMES
from penstock.console.report_page.numbers import number_text
from penstock.console.web.charts.chart import Chart, Table
from penstock.console.web.live.score_block import ScoreBlock
from penstock.console.web.live.stream_history import StreamHistory
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Drift
from penstock.contracts.records.training import TrainingRequest

SHOWN_BLOCKS = 400
TABLE_BLOCKS = 100


def score_chart(history: StreamHistory) -> Chart | None:
    """The chart of a stream's newest blocks; None before the first has a score."""
    blocks = [block for block in history.ordered_blocks if block.score is not None][-SHOWN_BLOCKS:]
    if not blocks:
        return None
    name = METRIC_NAMES.get(blocks[-1].metric, blocks[-1].metric)
    epochs, drifts, requests = _changes(history, blocks)
    traces = [*_interval(blocks), *_lines(blocks, name), *_marks(blocks, drifts, requests)]
    return Chart(
        name="score",
        title=f"{name.capitalize()} over event time",
        summary=_summary(blocks, name, epochs, drifts),
        traces=traces,
        layout={
            "xaxis": {"type": "date"},
            "yaxis": {"title": {"text": name}},
            "shapes": [_epoch_line(epoch, at) for epoch, at in epochs],
            "annotations": [_epoch_name(epoch, at) for epoch, at in epochs],
        },
        table=_table(blocks[-TABLE_BLOCKS:], name),
        height=360,
        note=(
            "Matured: all labels are there, or their time has passed. Provisional: with those that have come."
            " The band is the 95 % interval. Vertical lines are epochs."
        ),
    )


def _changes(
    history: StreamHistory, blocks: Sequence[ScoreBlock]
) -> tuple[list[tuple[ModelEpoch, str]], list[Drift], list[tuple[TrainingRequest, ScoreBlock]]]:
    begin = blocks[0].first_time
    starts: dict[int, ScoreBlock] = {}
    for block in blocks:
        starts.setdefault(block.epoch, block)
    epochs = [
        (history.epochs[epoch], block.last_time.isoformat())
        for epoch, block in starts.items()
        if epoch in history.epochs and block is not blocks[0]
    ]
    drifts = [drift for drift in history.drifts if drift.time >= begin]
    requests = [
        (request, block)
        for request in history.training.requests.values()
        for block in blocks
        if block.start < request.until <= block.stop
    ]
    return epochs, drifts, requests


def _interval(blocks: Sequence[ScoreBlock]) -> list[dict[str, Any]]:
    known = [block for block in blocks if block.matured and block.low is not None and block.high is not None]
    if not known:
        return []
    times = [block.last_time.isoformat() for block in known]
    shared = {"x": times, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    return [
        {**shared, "y": [block.low for block in known]},
        {**shared, "y": [block.high for block in known], "fill": "tonexty", "fillcolor": "@series-1-soft"},
    ]


def _lines(blocks: Sequence[ScoreBlock], name: str) -> list[dict[str, Any]]:
    matured = [block for block in blocks if block.matured]
    provisional = [block for block in blocks if not block.matured]
    estimates = [block for block in blocks if block.estimate is not None]
    hover = f"%{{x}}<br>{name} %{{y:.4g}}<extra>%{{fullData.name}}</extra>"
    lines = [
        _line("matured", matured, [block.score for block in matured], "@series-1", "solid", hover),
        _line("provisional", provisional, [block.score for block in provisional], "@series-2", "dot", hover),
        _line("estimate without labels", estimates, [b.estimate for b in estimates], "@muted", "dash", hover),
    ]
    return [line for line in lines if line["x"]]


def _line(
    name: str, blocks: Sequence[ScoreBlock], values: Sequence[float | None], colour: str, dash: str, hover: str
) -> dict[str, Any]:
    return {
        "name": name,
        "x": [block.last_time.isoformat() for block in blocks],
        "y": values,
        "mode": "lines+markers" if len(blocks) < 60 else "lines",
        "marker": {"size": 4},
        "line": {"color": colour, "dash": dash, "width": 2},
        "hovertemplate": hover,
    }


def _marks(
    blocks: Sequence[ScoreBlock], drifts: Sequence[Drift], requests: Sequence[tuple[TrainingRequest, ScoreBlock]]
) -> list[dict[str, Any]]:
    """Drifts and trainings below the lines."""
    floor = min(block.score for block in blocks if block.score is not None)
    marks = []
    for status, colour in (("confirmed", "@critical"), ("suspected", "@warning")):
        found = [drift for drift in drifts if drift.status == status]
        texts = [f"{drift.kind} drift{_of(drift)}, {drift.detector}" for drift in found]
        times = [drift.time.isoformat() for drift in found]
        marks.append(_mark(f"drift, {status}", times, floor, texts, "triangle-up", colour))
    texts = [f"training {request.fence}: {request.reason}, {request.detail}" for request, _ in requests]
    times = [block.last_time.isoformat() for _, block in requests]
    marks.append(_mark("training", times, floor, texts, "diamond", "@series-3"))
    return [mark for mark in marks if mark["x"]]


def _mark(name: str, times: list[str], floor: float, texts: list[str], symbol: str, colour: str) -> dict[str, Any]:
    return {
        "name": name,
        "x": times,
        "y": [floor] * len(times),
        "text": texts,
        "mode": "markers",
        "marker": {"symbol": symbol, "color": colour, "size": 10},
        "hovertemplate": "%{x}<br>%{text}<extra></extra>",
    }


def _of(drift: Drift) -> str:
    return f" of {drift.field}" if drift.field else ""


def _epoch_line(epoch: ModelEpoch, at: str) -> dict[str, Any]:
    colour = "@critical" if epoch.reason == "rollback" else "@muted"
    line = {"color": colour, "width": 1, "dash": "dot"}
    return {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def _epoch_name(epoch: ModelEpoch, at: str) -> dict[str, Any]:
    return {
        "x": at, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False,
        "text": str(epoch.epoch), "hovertext": f"epoch {epoch.epoch}: version {epoch.champion.version}, {epoch.reason}",
        "font": {"size": 10},
    }  # fmt: skip


def _summary(
    blocks: Sequence[ScoreBlock], name: str, epochs: Sequence[tuple[ModelEpoch, str]], drifts: Sequence[Drift]
) -> str:
    first, last = blocks[0], blocks[-1]
    return (
        f"{name} of {len(blocks)} blocks of outcomes from {first.first_time:%Y-%m-%d %H:%M} to"
        f" {last.last_time:%Y-%m-%d %H:%M}: {number_text(first.score)} at first, {number_text(last.score)} at last;"
        f" {len(epochs)} changes of the model, {len(drifts)} drifts"
    )


def _table(blocks: Sequence[ScoreBlock], name: str) -> Table:
    columns = ("outcomes", "event time", name, "95 % interval", "labels", "clock", "epoch", "version")
    return Table(columns, [_row(block) for block in reversed(blocks)])


def _row(block: ScoreBlock) -> list[str]:
    interval = "-" if block.low is None else f"{number_text(block.low)} to {number_text(block.high)}"
    return [
        f"{block.start:,} to {block.stop - 1:,}",
        f"{block.last_time:%Y-%m-%d %H:%M}",
        number_text(block.score),
        interval,
        f"{block.joined:,}",
        "matured" if block.matured else "provisional",
        str(block.epoch),
        block.version,
    ]
