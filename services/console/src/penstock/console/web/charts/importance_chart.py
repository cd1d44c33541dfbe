"""Which fields a model's answers depend on most, as bars."""

from __future__ import annotations

from penstock.console.lineage.model_importance import ModelImportance
from penstock.console.report_page.numbers import number_text
from penstock.console.web.charts.chart import Chart, Table

MOST_BARS = 15
BAR_HEIGHT, MARGIN = 24, 70  # pixels


def importance_chart(version: int, importance: ModelImportance) -> Chart | None:
    """The chart of a version; None where nothing is known, or nothing matters."""
    shown = importance.inputs[:MOST_BARS]
    if not shown:
        return None
    return Chart(
        name=f"importance-{version}",
        title="Importance of the fields",
        summary=f"mean absolute contribution of each field; the most has {shown[0].name}",
        traces=[
            {
                "type": "bar", "orientation": "h", "y": [one.name for one in shown],
                "x": [one.importance for one in shown], "marker": {"color": "@series-1"},
                "hovertemplate": "%{y}: %{x:.4g}<extra></extra>",
            }
        ],
        layout={"yaxis": {"autorange": "reversed", "type": "category"}, "margin": {"l": 48, "r": 8, "t": 8, "b": 36}},
        table=Table(("field", "importance"), [(one.name, number_text(one.importance)) for one in importance.inputs]),
        height=MARGIN + BAR_HEIGHT * len(shown),
        note=f"mean absolute contribution to the score of an answer, over {importance.rows} rows of its training",
    )  # fmt: skip
