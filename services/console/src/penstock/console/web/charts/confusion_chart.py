"""Which class was answered where which was true."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from penstock.console.web.charts.chart import Chart, Table

MOST_CLASSES = 20


def confusion_chart(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> Chart | None:
    """The chart of a confusion matrix, shape (k, k): rows are true classes; None of no answers or of many classes."""
    counts = np.array(confusion, dtype=np.int64).reshape(len(classes), len(classes))
    if not counts.sum() or len(classes) > MOST_CLASSES:
        return None
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    right = counts.diagonal().sum() / counts.sum()
    return Chart(
        name="confusion",
        title="Confusion",
        summary=f"{counts.sum():,} answers with labels, {right:.1%} of them right; a cell shows its share of the label",
        traces=[
            {
                "type": "heatmap", "x": list(classes), "y": list(classes), "z": shares.tolist(),
                "customdata": counts.tolist(), "colorscale": [[0, "@surface"], [1, "@series-1"]],
                "zmin": 0, "zmax": 1, "showscale": False, "xgap": 2, "ygap": 2,
                "texttemplate": "%{customdata:,}",
                "hovertemplate": "true %{y}, answered %{x}: %{customdata:,} (%{z:.1%} of the true)<extra></extra>",
            }
        ],
        layout={
            "xaxis": {"title": {"text": "answer"}, "type": "category"},
            "yaxis": {"title": {"text": "label"}, "type": "category", "autorange": "reversed"},
        },
        table=Table(
            ("label", *(f"answered {name}" for name in classes)),
            [(name, *(f"{count:,}" for count in row)) for name, row in zip(classes, counts.tolist(), strict=True)],
        ),
    )  # fmt: skip
