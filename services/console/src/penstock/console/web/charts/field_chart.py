"""The newest values of a field against those that the model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from penstock.console.report_page.numbers import number_text, share_text
from penstock.console.web.charts.chart import Chart, Table
from penstock.ml.drift.distances import psi
from penstock.ml.drift.reference_bins import ReferenceBins

MOST_BARS = 12
SHORT = 12  # characters of a name on the axis
MISSING, OTHERS = "missing", "others"


@dataclass(frozen=True)
class FieldChart:
    """A field's chart, and its population stability index, by which fields are ordered."""

    chart: Chart
    psi: float


def field_chart(name: str, reference: ReferenceBins, newest: NDArray[np.int64]) -> FieldChart:
    """The chart of a field.

    Args:
        name: of the field.
        reference: the bins of the training rows, with their counts.
        newest: how many of the newest values fall into each bin, shape (bins,).
    """
    index = float(psi(np.array(reference.counts), newest))
    names = bin_names(reference)
    before, now = _shares(np.array(reference.counts)), _shares(newest)
    shown = _shown(before, now)
    return FieldChart(
        Chart(
            name=f"field-{name}",
            title=name,
            summary=(
                f"shares of the values of {name} among {int(newest.sum()):,} newest events and"
                f" {sum(reference.counts):,} training rows; population stability index {index:.3g}"
            ),
            traces=[
                _bars("training", [names[n] for n in shown], before[shown], "@muted"),
                _bars("newest", [names[n] for n in shown], now[shown], "@series-1"),
            ],
            layout={
                "yaxis": {"tickformat": ".0%"}, "barmode": "group", "bargap": 0.2, "showlegend": False,
                "xaxis": {
                    "type": "category", "tickangle": -40, "tickfont": {"size": 10},
                    "tickvals": [names[n] for n in shown], "ticktext": [_short(names[n]) for n in shown],
                },
                "margin": {"l": 40, "r": 8, "t": 8, "b": 48},
            },
            table=Table(
                ("value", "training", "newest"),
                [(names[n], share_text(float(before[n])), share_text(float(now[n]))) for n in shown],
            ),
            height=200,
            note=f"PSI {index:.3g}",
        ),
        index,
    )  # fmt: skip


def bin_names(reference: ReferenceBins) -> list[str]:
    """What each bin holds, in words.

    >>> bin_names(ReferenceBins("number", (1.0, 2.0), (), (0, 3, 0, 0)))
    ['below 1', '1 to 2', 'from 2', 'missing']
    """
    if reference.kind == "category":
        return [*reference.categories, OTHERS, MISSING]
    edges = [number_text(edge) for edge in reference.edges]
    if not edges:
        return ["all", MISSING]
    between = [f"{low} to {high}" for low, high in pairwise(edges)]
    return [f"below {edges[0]}", *between, f"from {edges[-1]}", MISSING]


def _short(name: str) -> str:
    """The name of a bin for an axis: of a range its lower end.

    >>> _short("1,682 to 4,584"), _short("professional services")
    ('1,682', 'professiona…')
    """
    low = name.partition(" to ")[0]
    return low if len(low) <= SHORT else f"{low[: SHORT - 1]}…"


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return counts / max(1, int(counts.sum()))


def _shown(before: NDArray[np.float64], now: NDArray[np.float64]) -> Sequence[int]:
    """The bins that hold something, the largest of them if there are many, in their order."""
    size = np.maximum(before, now)
    largest = np.argsort(-size, kind="stable")[:MOST_BARS]
    return [int(n) for n in np.sort(largest) if size[n] > 0]


def _bars(name: str, values: list[str], shares: NDArray[np.float64], colour: str) -> dict[str, object]:
    return {
        "type": "bar", "name": name, "x": values, "y": shares.tolist(), "marker": {"color": colour},
        "hovertemplate": "%{x}: %{y:.1%}<extra>%{fullData.name}</extra>",
    }  # fmt: skip
