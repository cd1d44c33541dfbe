"""What another threshold of a binary answer would give: precision, recall, and the share answered with yes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from penstock.console.report_page.numbers import share_text
from penstock.console.web.charts.chart import Chart, Table

THRESHOLDS = np.linspace(0.02, 0.98, 49)
SHOWN_EVERY = 4


def threshold_chart(is_positive: NDArray[np.bool_], probabilities: NDArray[np.float64], positive: str) -> Chart | None:
    """The chart of n answers, None where the positive class or its probability is missing.

    Args:
        is_positive: whether the label is the positive class, shape (n,).
        probabilities: of the positive class, shape (n,).
        positive: its name.
    """
    if not is_positive.any() or not len(probabilities):
        return None
    answered = probabilities[:, None] >= THRESHOLDS[None, :]
    hits = (answered & is_positive[:, None]).sum(axis=0)
    shares = answered.mean(axis=0)
    recall = hits / is_positive.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(answered.any(axis=0), hits / answered.sum(axis=0), np.nan)
    columns = {f"precision of {positive!r}": precision, f"recall of {positive!r}": recall, "share answered so": shares}
    return Chart(
        name="threshold",
        title="Threshold",
        summary=f"precision, recall and share of answers {positive!r}, by the probability from which it is answered",
        traces=[
            {
                "name": name, "x": THRESHOLDS.tolist(), "y": [None if np.isnan(y) else float(y) for y in values],
                "mode": "lines", "line": {"color": colour, "width": 2, "dash": dash},
                "hovertemplate": "from %{x:.2f}: %{y:.3g}<extra>%{fullData.name}</extra>",
            }
            for (name, values), colour, dash in zip(
                columns.items(), ("@series-1", "@series-2", "@muted"), ("solid", "dash", "dot"), strict=True
            )
        ],
        layout={
            "xaxis": {"title": {"text": f"probability of {positive!r} from which it is the answer"}, "range": [0, 1]},
            "yaxis": {"title": {"text": "share"}, "range": [0, 1.02]},
        },
        table=Table(
            ("threshold", *columns),
            [
                (f"{at:.2f}", *(share_text(float(values[n])) for values in columns.values()))
                for n, at in enumerate(THRESHOLDS)
                if n % SHOWN_EVERY == 0
            ],
        ),
    )  # fmt: skip
