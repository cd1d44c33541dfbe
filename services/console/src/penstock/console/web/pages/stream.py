"""A stream: what answers, how well, what changed, what the trigger waits for, and what needs a person."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penstock.console.pause_text import pause_text
from penstock.console.views.quality_report import MIN_ROWS, LossSummary, QualityReport, quality_of
from penstock.console.web.actions.offers import Offer, stream_offers
from penstock.console.web.actions.situation import newest_rollout
from penstock.console.web.charts.chart import Chart
from penstock.console.web.charts.score_chart import score_chart
from penstock.console.web.charts.sparkline import sparkline_path
from penstock.console.web.live.answer_rates import AnswerCounts
from penstock.console.web.live.score_block import ScoreBlock
from penstock.console.web.live.stream_history import StreamHistory
from penstock.console.web.registry_reader import RegistryFailure
from penstock.console.web.sources import Sources
from penstock.contracts.alert_kinds import runbook_of
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Alert, Drift
from penstock.contracts.records.streams import StreamDeclared

SHOWN_DRIFTS = 10
SHOWN_EPOCHS = 10


@dataclass(frozen=True)
class SliceLine:
    """The score of one slice of the newest outcomes, with its 95 % interval."""

    field: str
    value: str
    answers: int
    score: float
    low: float
    high: float


@dataclass(frozen=True)
class StreamPage:
    """What the page of a stream shows.

    `rollout`, `hold` and `pause` (in words) are the registry's, `offers` the actions that make sense by them;
    `failure` says why they are missing.
    """

    declared: StreamDeclared
    epoch: ModelEpoch | None
    counts: AnswerCounts
    rates_path: str
    outcomes: int
    coverage: float | None
    metric: str
    score: float | None
    objective: tuple[str, float] | None
    chart: Chart | None
    alerts: Sequence[tuple[Alert, str]]
    decision: Decision | None
    drifts: Sequence[Drift]
    epochs: Sequence[ModelEpoch]
    slices: Sequence[SliceLine]
    slice_blocks: int
    fairness: dict[str, dict[str, float]]
    rollout: dict[str, Any] | None
    hold: dict[str, Any] | None
    pause: str
    offers: Sequence[Offer]
    failure: str


async def read_stream(sources: Sources, name: str) -> StreamPage:
    """The page of a stream as it is now.

    Raises:
        PageMissing: no stream of that name is declared.
    """
    declared, history = sources.stream(name)
    registry = await _registry_views(sources, name, history)
    counts = sources.rates.of(name)
    blocks = history.ordered_blocks
    newest = next((block for block in reversed(blocks) if block.score is not None), None)
    quality = quality_of(history.newest_statistics) if history.statistics else None
    joined, answers = sum(block.joined for block in blocks), sum(block.joined + block.expired for block in blocks)
    return StreamPage(
        declared=declared,
        epoch=history.epoch,
        counts=counts,
        rates_path=sparkline_path(counts.rates),
        outcomes=history.training.outcomes,
        coverage=joined / answers if answers else None,
        metric=newest.metric if newest else "",
        score=newest.score if newest else None,
        objective=_objective(blocks),
        chart=score_chart(history),
        alerts=[(alert, runbook_of(alert.kind) or "") for alert in history.open_alerts],
        decision=history.training.newest_decision,
        drifts=list(reversed(history.drifts))[:SHOWN_DRIFTS],
        epochs=[history.epochs[epoch] for epoch in sorted(history.epochs, reverse=True)][:SHOWN_EPOCHS],
        slices=_slice_lines(quality),
        slice_blocks=quality.blocks if quality else 0,
        fairness=quality.fairness() if quality else {},
        **registry,
    )


async def _registry_views(sources: Sources, name: str, history: StreamHistory) -> dict[str, Any]:
    try:
        stream, rollout = await asyncio.gather(sources.registry.get(f"streams/{name}"), newest_rollout(sources, name))
    except RegistryFailure as failure:
        return {"rollout": None, "hold": None, "pause": "", "offers": (), "failure": str(failure)}
    offers = list(stream_offers(history, stream, rollout))
    pause = pause_text(stream["pause"]) if stream["pause"] else ""
    return {"rollout": rollout, "hold": stream["hold"], "pause": pause, "offers": offers, "failure": ""}


def _objective(blocks: Sequence[ScoreBlock]) -> tuple[str, float] | None:
    for block in reversed(blocks):
        if block.objective is not None and block.objective_metric is not None:
            return block.objective_metric, block.objective
    return None


def _slice_lines(quality: QualityReport | None) -> list[SliceLine]:
    if quality is None:
        return []
    lines = [_slice_line(field, value, summary, quality.metric) for (field, value), summary in quality.slices.items()]
    return [line for line in lines if line.answers >= MIN_ROWS]


def _slice_line(field: str, value: str, summary: LossSummary, metric: str) -> SliceLine:
    score, interval = summary.score(metric)
    return SliceLine(field, value or "missing", summary.moments.n, score, interval.low, interval.high)
