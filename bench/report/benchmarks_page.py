"""docs/benchmarks.md and its plots, from the results of a full run."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from bench.instruments.processes import Command, environment_of
from bench.peer_environments import PEER_SCRIPTS, SINGLE_THREADED, EnvironmentMissing, interpreter_of
from bench.report.results import RESULTS, Result
from bench.report.terminal import format_figure, print_line

DOCS = Path(__file__).parents[2] / "docs"
PAGE, PLOTS = DOCS / "benchmarks.md", DOCS / "benchmarks"

INTRODUCTION = """# Benchmarks

Written by `make bench` (after `make bench-setup`, once); do not edit. What is measured, and by which rules, is in
[bench/README.md](../bench/README.md). Everything was measured in one run on one machine, the broker beside it, the
cells in turn, repetition by repetition. Ratios within the run count; absolute figures are this machine's.
"""

TITLES = {
    "drain": ("Drain, linear model", "The shipped scorer against the echo floor and its peers."),
    "drain-cpu": ("Drain, linear model: processor", "Of the cell's processes, the broker's not among them."),
    "boosting": ("Drain, histogram boosting", ""),
    "boosting-cpu": ("Drain, histogram boosting: processor", ""),
    "validator": ("Drain of the validator", "Schema, ranges, categories and duplicates."),
    "validator-cpu": ("Drain of the validator: processor", ""),
    "http": ("HTTP predict", "32 connections, one worker each, one event a request."),
    "http-p99": ("HTTP predict: 99th percentile", "With all 32 connections busy."),
    "http-p99-at-80": ("HTTP predict: 99th percentile at 80 %", "Requests come at 80 % of the cell's median above."),
    "latency-p50": ("Latency: median", "From the broker's append of the event to that of its prediction."),
    "latency-p99": ("Latency: 99th percentile", ""),
    "latency-core": ("Latency: processor", ""),
    "ingestion": (
        "Ingestion over HTTP",
        "NDJSON of 1,000 over 4 connections; the rest 32 connections, one event each.",
    ),
    "drift": ("Drift over 22 fields", "A window of 10,000 events against 10,000."),
    "observing": ("What tracing costs", ""),
    "observing-share": ("What tracing costs: share", ""),
    "cold-start": ("Cold start", "From the start of the process to ready; the scorer, to its first prediction."),
    "memory": ("Memory", "Two seconds after ready."),
    "steady": ("Steady load", "At half of what the scorer drains."),
}
AXES = ("fields", "streams", "keys", "partitions")
PLOT_OF = {"drain": "drain", "boosting": "boosting", "http": "http", "latency-p99": "latency"}


def write_page(rows: Sequence[Result], repetitions: int) -> None:
    """Write the page, and the plots if their environment is installed."""
    plot_names = _draw_plots()
    PAGE.write_text("\n".join(_page(rows, plot_names, repetitions)))
    print_line(f"written: {PAGE}")


def _page(rows: Sequence[Result], plot_names: set[str], repetitions: int) -> Iterable[str]:
    yield INTRODUCTION
    yield f"{_machine()} Repetitions of each cell: {repetitions}."
    for section, (title, description) in TITLES.items():
        section_rows = [row for row in rows if row.section == section]
        if section_rows:
            yield f"\n## {title}\n"
            yield from [f"{description}\n"] if description else []
            yield from _plot(PLOT_OF.get(section), title, plot_names)
            yield from _table(section_rows)
    for axis in AXES:
        section_rows = [row for row in rows if row.section.startswith(f"growth-{axis}")]
        if section_rows:
            yield f"\n## As {axis} grow\n"
            yield from _plot(f"growth-{axis}", f"cost as {axis} grow", plot_names)
            yield from _table(section_rows)
    yield ""


def _machine() -> str:
    memory = psutil.virtual_memory().total / (1 << 30)
    return (
        f"Machine: {psutil.cpu_count()} cores, {memory:.0f} GiB of memory, {platform.system()} on "
        f"{platform.machine()}, Python {platform.python_version()}."
    )


def _plot(name: str | None, title: str, plot_names: set[str]) -> list[str]:
    return [f"![{title}](benchmarks/{name}.svg)\n"] if name in plot_names else []


def _table(rows: Sequence[Result]) -> Iterable[str]:
    ratios = any(row.x_echo is not None for row in rows)
    yield "| cell | median | min | max | unit |" + (" x echo |" if ratios else "")
    yield "|---|---:|---:|---:|---|" + ("---:|" if ratios else "")
    for row in rows:
        figures = " | ".join(format_figure(figure) for figure in (row.median, row.min, row.max))
        yield f"| {row.cell} | {figures} | {row.unit} |" + (f" {format_figure(row.x_echo)} |" if ratios else "")


def _draw_plots() -> set[str]:
    """Draw the plots; the names of those that exist afterwards."""
    PLOTS.mkdir(parents=True, exist_ok=True)
    try:
        arguments = [
            str(interpreter_of("plots")),
            str(PEER_SCRIPTS / "plot.py"),
            str(RESULTS / "full.json"),
            str(PLOTS),
        ]
    except EnvironmentMissing as error:
        print_line(f"[yellow]no plots: {error}[/yellow]")
        return set()
    subprocess.run(arguments, check=True, env=environment_of(Command("plots", arguments, SINGLE_THREADED)))
    return {path.stem for path in PLOTS.glob("*.svg")}
