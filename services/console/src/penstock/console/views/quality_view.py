"""Quality as it is shown: as a table, or as JSON."""

from __future__ import annotations

from math import isnan
from typing import Any

from rich.console import Group
from rich.table import Table

from penstock.console.views.quality import Judged, Quality


def as_document(found: Quality) -> dict[str, Any]:
    """As JSON can hold it."""
    return {
        "metric": found.metric,
        "blocks": found.blocks,
        "versions": [
            {"version": version, **_figures(found, one), "on_holdout": found.promised.get(version)}
            for version, one in found.versions.items()
        ],
        "slices": [
            {"field": name, "value": value, **_figures(found, one), **_rates(one)}
            for (name, value), one in found.slices.items()
        ],
        "fairness": found.fairness(),
    }


def _figures(found: Quality, one: Judged) -> dict[str, Any]:
    score, bounds = one.score(found.metric)
    return {"outcomes": one.moments.n, found.metric: score, "low": bounds.low, "high": bounds.high}


def _rates(one: Judged) -> dict[str, float | None]:
    names = ("selection_rate", "true_positive_rate", "false_positive_rate")
    rates = {name: getattr(one.counts, name) for name in names}
    return {name: None if isnan(rate) else rate for name, rate in rates.items()}


def quality_table(stream: str, found: Quality) -> Group:
    """Versions, slices, and how far groups lie apart."""
    shown: list[Any] = [_versions(stream, found)]
    if found.slices:
        shown.append(_slices(found))
    for name, gaps in found.fairness().items():
        told = ", ".join(f"{gap.replace('_', ' ')} {value:.3f}" for gap, value in gaps.items())
        shown.append(f"{name}: {told}")
    return Group(*shown)


def _versions(stream: str, found: Quality) -> Table:
    title = f"Quality of {stream}, over {found.blocks} blocks of outcomes"
    table = Table("version", "outcomes", found.metric, "on its holdout", title=title, title_justify="left")
    for version, one in found.versions.items():
        promised = found.promised.get(version)
        told = "-" if promised is None else f"{promised:.4g}"
        table.add_row("baseline" if version == 0 else str(version), f"{one.moments.n:,}", _scored(found, one), told)
    return table


def _slices(found: Quality) -> Table:
    binary = any(one.counts.rows for one in found.slices.values())
    rates = ("selected", "true positive rate", "false positive rate") if binary else ()
    table = Table("slice", "outcomes", found.metric, *rates)
    for (name, value), one in found.slices.items():
        cells = [f"{rate:.1%}" if rate is not None else "-" for rate in _rates(one).values()] if binary else []
        table.add_row(f"{name} = {value or '(missing)'}", f"{one.moments.n:,}", _scored(found, one), *cells)
    return table


def _scored(found: Quality, one: Judged) -> str:
    score, bounds = one.score(found.metric)
    return f"{score:.4g} [{bounds.low:.4g}, {bounds.high:.4g}]"
