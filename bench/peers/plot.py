"""Draws the plots of docs/benchmarks.md: reads the results, writes SVG files into the folder named second."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "penstock"  # equal results give equal files
import matplotlib.pyplot as plt  # noqa: E402

OURS, OTHERS = "#1f6feb", "#8c959f"
COLOURS = (OURS, OTHERS, "#d1242f", "#1a7f37", "#9a6700", "#8250df")  # ours comes first
Row = dict[str, Any]


def main() -> None:
    """Draw every section that has results."""
    rows, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    for section, title, unit in (
        ("drain", "Drain, linear model", "events/s"),
        ("boosting", "Drain, histogram boosting", "events/s"),
        ("http", "HTTP predict, 32 connections", "requests/s"),
    ):
        if section_rows := [row for row in rows if row["section"] == section and row["median"] is not None]:
            bars(section_rows, title, unit, folder / f"{section}.svg")
    for axis in ("fields", "streams", "keys", "partitions"):
        if section_rows := [
            row for row in rows if row["section"] == f"growth-{axis}-cpu" and row["median"] is not None
        ]:
            line(section_rows, axis, folder / f"growth-{axis}.svg")
    if section_rows := [row for row in rows if row["section"] == "latency-p99" and row["median"] is not None]:
        latencies(section_rows, folder / "latency.svg")


def bars(rows: Sequence[Row], title: str, unit: str, path: Path) -> None:
    """A bar for each cell, with its range."""
    rows = sorted(rows, key=lambda row: row["median"])
    figure, axes = plt.subplots(figsize=(7, 0.45 * len(rows) + 1))
    medians = [row["median"] for row in rows]
    deviations = [[row["median"] - row["min"] for row in rows], [row["max"] - row["median"] for row in rows]]
    colours = [OURS if row["cell"].startswith("penstock") else OTHERS for row in rows]
    axes.barh([row["cell"] for row in rows], medians, xerr=deviations, color=colours, ecolor="#57606a")
    axes.set(title=title, xlabel=unit)
    save(figure, path)


def line(rows: Sequence[Row], axis: str, path: Path) -> None:
    """CPU per event along one axis of growth."""
    figure, axes = plt.subplots(figsize=(6, 3))
    axes.plot([int(row["cell"]) for row in rows], [row["median"] for row in rows], "o-", color=OURS)
    axes.set(xlabel=axis, ylabel="us of CPU an event", xscale="log", ylim=(0, None))
    save(figure, path)


def latencies(rows: Sequence[Row], path: Path) -> None:
    """The 99th percentile of each cell at each load, in the order of the loads."""
    figure, axes = plt.subplots(figsize=(7, 4))
    cells = dict.fromkeys(row["cell"].split(" at ")[0] for row in rows)
    for cell, colour in zip(cells, COLOURS, strict=False):
        cell_rows = [row for row in rows if row["cell"].startswith(f"{cell} at ")]
        loads = [row["cell"].split(" at ")[1] for row in cell_rows]
        axes.plot(loads, [row["median"] for row in cell_rows], "o-", label=cell, color=colour)
    axes.set(title="Append to append, 99th percentile", xlabel="offered load", ylabel="ms", yscale="log")
    axes.legend()
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    """Write without a date, so that equal results give equal files."""
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


main()
