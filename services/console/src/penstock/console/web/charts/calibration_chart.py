"""What the newest answers said against what came true."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.console.replay.report.metrics import CalibrationBin
from penstock.console.report_page.numbers import number_text
from penstock.console.web.charts.chart import Chart, Table


def calibration_chart(bins: Sequence[CalibrationBin], across: str, up: str, of: str) -> Chart | None:
    """The chart of some bins, None without any.

    Args:
        bins: of answers that are alike.
        across: what the answers said, in words.
        up: what came true, in words.
        of: how many answers, of which time, in words.
    """
    if not bins:
        return None
    said, true = [each.predicted for each in bins], [each.observed for each in bins]
    ends = [*said, *true]
    ideal = [min(ends), max(ends)]
    return Chart(
        name="calibration",
        title="Calibration",
        summary=f"{up} against {across}, {len(bins)} bins {of}; on the dashed line answers say what is true",
        traces=[
            {
                "name": "as it should be", "x": ideal, "y": ideal, "mode": "lines", "hoverinfo": "skip",
                "line": {"color": "@muted", "dash": "dash", "width": 1},
            },
            {
                "name": "answers", "x": said, "y": true, "mode": "markers",
                "marker": {"color": "@series-1", "size": _sizes(bins)},
                "error_y": {
                    "type": "data", "symmetric": False, "color": "@series-1", "thickness": 1,
                    "array": [each.high - each.observed for each in bins],
                    "arrayminus": [each.observed - each.low for each in bins],
                },
                "text": [f"{each.rows:,} answers" for each in bins],
                "hovertemplate": "said %{x:.3g}, true %{y:.3g}<br>%{text}<extra></extra>",
            },
        ],
        layout={"xaxis": {"title": {"text": across}}, "yaxis": {"title": {"text": up}}, "showlegend": False},
        table=Table(
            ("answers", "said", "true", "interval"),
            [
                (
                    f"{each.rows:,}",
                    number_text(each.predicted),
                    number_text(each.observed),
                    f"{number_text(each.low)} to {number_text(each.high)}",
                )
                for each in bins
            ],
        ),
    )  # fmt: skip


def _sizes(bins: Sequence[CalibrationBin]) -> list[float]:
    most = max(each.rows for each in bins)
    return [round(6 + 14 * (each.rows / most) ** 0.5, 1) for each in bins]
