"""What each field added to an answer, as bars."""

from __future__ import annotations

from penstock.console.lineage.answer_reasons import AnswerReasons
from penstock.console.report_page.numbers import number_text
from penstock.console.views.reason_lines import value_of
from penstock.console.web.charts.chart import Chart, Table

MOST_BARS = 15
BAR_HEIGHT, MARGIN = 26, 90  # pixels


def reasons_chart(reasons: AnswerReasons, name: str) -> Chart | None:
    """The chart of an answer's reasons; None where they cannot be computed, or nothing added anything."""
    if reasons.missing is not None or not reasons.contributions:
        return None
    shown, others = reasons.contributions[:MOST_BARS], reasons.contributions[MOST_BARS:]
    bars = [(_name(one.name, value_of(one, reasons)), one.added, one.error) for one in shown]
    if others:
        bars.append((f"{len(others)} more", sum(one.added for one in others), None))
    bars.append(("the rest", reasons.rest, None))
    return Chart(
        name=f"reasons-{name}",
        title=f"What each field added, in {reasons.unit}",
        summary=(
            f"from {number_text(reasons.base)}, what the model says on average, to {number_text(reasons.margin)};"
            f" most by {bars[0][0]}: {bars[0][1]:+.3g}"
        ),
        traces=[
            {
                "type": "bar", "orientation": "h", "y": [bar[0] for bar in bars], "x": [bar[1] for bar in bars],
                "marker": {"color": ["@series-1" if bar[1] >= 0 else "@series-2" for bar in bars]},
                "error_x": {"type": "data", "array": [bar[2] or 0 for bar in bars], "color": "@muted", "thickness": 1},
                "hovertemplate": "%{y}: %{x:+.4g}<extra></extra>",
            }
        ],
        layout={
            "yaxis": {"autorange": "reversed", "type": "category"},
            "xaxis": {"title": {"text": reasons.unit}, "zeroline": True},
        },
        table=Table(
            ("field", "added", "standard error"),
            [
                (label, f"{added:+.4g}", "exact" if error is None else number_text(error))
                for label, added, error in bars
            ],
        ),
        height=MARGIN + BAR_HEIGHT * len(bars),
        note=f"from {number_text(reasons.base)}, on average, to {number_text(reasons.margin)}",
    )  # fmt: skip


def _name(field: str, value: str | None) -> str:
    return field if value is None else f"{field} ({value})"
