"""The plots of docs/evaluation.md: a stream's score over time, drawn by a script in its own environment."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.evaluation.comparison import OURS, StreamComparison
from bench.evaluation.paired_intervals import block_means
from bench.instruments.processes import Command, environment_of
from bench.peer_environments import PEER_SCRIPTS, SINGLE_THREADED, EnvironmentMissing, interpreter_of
from bench.report.benchmarks_page import DOCS
from bench.report.terminal import print_line

PLOTS = DOCS / "evaluation"


def draw_plots(comparisons: Sequence[StreamComparison]) -> set[str]:
    """Draw every stream that has a result; the keys of the streams that now have a plot."""
    try:
        python = str(interpreter_of("plots"))
    except EnvironmentMissing as error:
        print_line(f"[yellow]no plots: {error}[/yellow]")
        return set()
    PLOTS.mkdir(parents=True, exist_ok=True)
    plots = [plot_data(comparison) for comparison in comparisons if comparison.references or comparison.ours]
    with TemporaryDirectory(prefix="penstock-evaluation-") as folder:
        file = Path(folder) / "plots.json"
        file.write_text(json.dumps(plots))
        arguments = [python, str(PEER_SCRIPTS / "plot_scores.py"), str(file), str(PLOTS)]
        subprocess.run(arguments, check=True, env=environment_of(Command("plots", arguments, SINGLE_THREADED)))
    return {plot["key"] for plot in plots}


def plot_data(comparison: StreamComparison) -> dict[str, Any]:
    """What the script draws of a stream: a line for each column, and the rows to mark."""
    ours, metric = comparison.median_seed, comparison.plain_metric
    results = {**comparison.references, **({OURS: ours} if ours else {})}
    return {
        "key": comparison.stream.key,
        "metric": "accuracy" if metric == "accuracy" else "mean absolute error",
        "ours": OURS,
        "lines": {
            column: [{"row": row, "score": score} for row, score in block_means(result, metric).items()]
            for column, result in results.items()
        },
        "models": ours["models"] if ours else [],
        "drifts": ours["drifts"] if ours else [],
        "changes": list(comparison.stream.change_rows or ()),
    }
