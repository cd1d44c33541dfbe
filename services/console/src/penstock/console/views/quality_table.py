"""A quality report as a table, or as JSON."""

from __future__ import annotations

from dataclasses import asdict
from math import isnan
from typing import Any

from rich.console import Group
from rich.table import Table

from penstock.console.views.objective_quality import loss_text
from penstock.console.views.quality_report import LossSummary, QualityReport
from penstock.console.views.sparkline import ScoreLines


def quality_document(report: QualityReport) -> dict[str, Any]:
    """The report as a JSON document."""
    return {
        "metric": report.metric,
        "blocks": report.blocks,
        "objective": None if report.objective is None else asdict(report.objective),
        "versions": [
            {
                "version": version,
                "name": report.version_name(version),
                **_figures(report, summary),
                **_objective_figures(report, summary),
                "on_holdout": report.holdout_scores.get(version),
            }
            for version, summary in report.versions.items()
        ],
        "slices": [
            {"field": name, "value": value, **_figures(report, summary), **_rates(summary)}
            for (name, value), summary in report.slices.items()
        ],
        "fairness": report.fairness(),
    }


def quality_table(stream: str, report: QualityReport) -> Group:
    """Versions, the score over time, slices, and how far the groups of a sliced field lie apart."""
    score_lines = ScoreLines({report.metric: report.scores}, f"the newest of {report.blocks} blocks")
    parts: list[Any] = [_versions_table(stream, report), *_objective_lines(report), score_lines]
    if report.slices:
        parts.append(_slices_table(report))
    for name, differences in report.fairness().items():
        texts = (f"{difference.replace('_', ' ')} {value:.3f}" for difference, value in differences.items())
        parts.append(f"{name}: {', '.join(texts)}")
    return Group(*parts)


def _versions_table(stream: str, report: QualityReport) -> Table:
    title = f"Quality of {stream}, over {report.blocks} blocks of outcomes"
    loss = report.objective.loss if report.objective else None
    by_objective = [f"mean {loss.replace('_', ' ')}"] if loss else []
    columns = ("version", "outcomes", report.metric, "on its holdout", *by_objective)
    table = Table(*columns, title=title, title_justify="left")
    for version, summary in report.versions.items():
        score = report.holdout_scores.get(version)
        name = "baseline" if version == 0 else report.version_name(version)
        holdout = "-" if score is None else f"{score:.4g}"
        losses = [loss_text(summary.by_objective)] if loss else []
        table.add_row(name, f"{summary.moments.n:,}", _score_text(report, summary), holdout, *losses)
    return table


def _objective_lines(report: QualityReport) -> list[str]:
    """What the objective's metric is, and over how much of the outcomes it can be said."""
    objective = report.objective
    if objective is None:
        return []
    if objective.score is None:
        return [f"objective {objective.metric}: can be computed in no block"]
    over = f"the mean over the {objective.blocks} of {report.blocks} blocks in which it can be computed"
    return [f"objective {objective.metric}: {objective.score:.4g}, {over}"]


def _objective_figures(report: QualityReport, summary: LossSummary) -> dict[str, float | None]:
    if report.objective is None or report.objective.loss is None:
        return {}
    return {report.objective.loss: summary.by_objective.mean if summary.by_objective.n else None}


def _slices_table(report: QualityReport) -> Table:
    binary = any(summary.counts.rows for summary in report.slices.values())
    rates = ("selected", "true positive rate", "false positive rate") if binary else ()
    table = Table("slice", "outcomes", report.metric, *rates)
    for (name, value), summary in report.slices.items():
        cells = [f"{rate:.1%}" if rate is not None else "-" for rate in _rates(summary).values()] if binary else []
        label = f"{name} = {value or '(missing)'}"
        table.add_row(label, f"{summary.moments.n:,}", _score_text(report, summary), *cells)
    return table


def _figures(report: QualityReport, summary: LossSummary) -> dict[str, Any]:
    score, interval = summary.score(report.metric)
    return {"outcomes": summary.moments.n, report.metric: score, "low": interval.low, "high": interval.high}


def _rates(summary: LossSummary) -> dict[str, float | None]:
    names = ("selection_rate", "true_positive_rate", "false_positive_rate")
    rates = {name: getattr(summary.counts, name) for name in names}
    return {name: None if isnan(rate) else rate for name, rate in rates.items()}


def _score_text(report: QualityReport, summary: LossSummary) -> str:
    score, interval = summary.score(report.metric)
    return f"{score:.4g} [{interval.low:.4g}, {interval.high:.4g}]"
