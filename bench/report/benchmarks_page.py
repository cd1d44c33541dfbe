"""docs/benchmarks.md and its plots, from the results of a full run."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from bench.environments import PEERS, QUIET, NotSetUp, interpreter
from bench.processes import Command, environment_of
from bench.results import RESULTS, Result
from bench.terminal import say, told

DOCS = Path(__file__).parents[1] / "docs"
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
    "observing": ("What watching costs", ""),
    "observing-share": ("What watching costs: share", ""),
    "cold-start": ("Cold start", "From the start of the process to ready; the scorer, to its first prediction."),
    "memory": ("Memory", "Two seconds after ready."),
    "steady": ("Steady load", "At half of what the scorer drains."),
}
AXES = ("fields", "streams", "keys", "partitions")
PICTURES = {"drain": "drain", "boosting": "boosting", "http": "http", "latency-p99": "latency"}


def write_page(rows: Sequence[Result], repetitions: int) -> None:
    """Write the page, and the plots where their environment is there."""
    drawn = _draw()
    PAGE.write_text("\n".join(_page(rows, drawn, repetitions)))
    say(f"written: {PAGE}")


def _page(rows: Sequence[Result], drawn: set[str], repetitions: int) -> Iterable[str]:
    yield INTRODUCTION
    yield f"{_machine()} Repetitions of each cell: {repetitions}."
    for section, (title, what) in TITLES.items():
        found = [row for row in rows if row.section == section]
        if found:
            yield f"\n## {title}\n"
            yield from [f"{what}\n"] if what else []
            yield from _picture(PICTURES.get(section), title, drawn)
            yield from _table(found)
    for axis in AXES:
        found = [row for row in rows if row.section.startswith(f"growth-{axis}")]
        if found:
            yield f"\n## As {axis} grow\n"
            yield from _picture(f"growth-{axis}", f"cost as {axis} grow", drawn)
            yield from _table(found)
    yield ""


def _machine() -> str:
    memory = psutil.virtual_memory().total / (1 << 30)
    return (
        f"Machine: {psutil.cpu_count()} cores, {memory:.0f} GiB of memory, {platform.system()} on "
        f"{platform.machine()}, Python {platform.python_version()}."
    )


def _picture(name: str | None, title: str, drawn: set[str]) -> list[str]:
    return [f"![{title}](benchmarks/{name}.svg)\n"] if name in drawn else []


def _table(rows: Sequence[Result]) -> Iterable[str]:
    ratios = any(row.x_echo is not None for row in rows)
    yield "| cell | median | min | max | unit |" + (" x echo |" if ratios else "")
    yield "|---|---:|---:|---:|---|" + ("---:|" if ratios else "")
    for row in rows:
        figures = " | ".join(told(figure) for figure in (row.median, row.min, row.max))
        yield f"| {row.cell} | {figures} | {row.unit} |" + (f" {told(row.x_echo)} |" if ratios else "")


def _draw() -> set[str]:
    """The names of the plots that there are now."""
    PLOTS.mkdir(parents=True, exist_ok=True)
    try:
        arguments = [str(interpreter("plots")), str(PEERS / "plot.py"), str(RESULTS / "full.json"), str(PLOTS)]
    except NotSetUp as error:
        say(f"[yellow]no plots: {error}[/yellow]")
        return set()
    subprocess.run(arguments, check=True, env=environment_of(Command("plots", arguments, QUIET)))
    return {path.stem for path in PLOTS.glob("*.svg")}
