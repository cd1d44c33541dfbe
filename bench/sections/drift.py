"""What it costs to watch 22 fields for drift: Penstock's kernel, River's ADWIN per field, an Evidently report.

A window of 10,000 events is compared with 10,000 others, both as columns; reading them is not measured. The kernel is
what the drift detector runs: counts per batch, then PSI and KS of the window.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN

from bench.instruments.processes import Command, environment_of
from bench.peer_environments import PEER_SCRIPTS, SINGLE_THREADED, EnvironmentMissing, interpreter_of
from bench.report.results import Result, summarize
from bench.report.terminal import print_line
from bench.testbed import Testbed
from bench.workload.models import frame_of
from bench.workload.stream import draw_rows
from penstock.drift_detector.drift.field_drift import drifted_fields
from penstock.ml.drift.reference_bins import ReferenceBins

ROWS = 10_000
BATCH = 1000
ADWIN_ROWS = 2000  # fewer: every row costs the same

Columns = Mapping[str, NDArray[Any]]


async def measure(testbed: Testbed) -> list[Result]:
    """Measure each cell, repetition by repetition: microseconds per event."""
    reference, window = (dict(frame_of(draw_rows(ROWS, seed)).columns) for seed in (2, 3))
    cells = {"penstock": _kernel(reference, window), "adwin": _adwin(window)}
    costs: dict[str, list[float]] = {name: [] for name in (*cells, "evidently")}
    for _ in range(testbed.repetitions):
        for name, cost_per_event in cells.items():
            costs[name].append(cost_per_event())
    costs["evidently"] = await asyncio.to_thread(_evidently, testbed, reference, window)
    for name, figures in costs.items():
        if figures:
            print_line(f"drift {name:<10} {np.median(figures):10.2f} us an event of {len(window)} fields")
    return [summarize("drift", name, "us/event", figures) for name, figures in costs.items()]


def _kernel(reference: Columns, window: Columns) -> Callable[[], float]:
    profile = {name: ReferenceBins.of(values, _kind(values)) for name, values in reference.items()}

    def cost_per_event() -> float:
        start_time = time.perf_counter()
        counts = {name: np.zeros(bins.bins, np.int64) for name, bins in profile.items()}
        for start in range(0, ROWS, BATCH):
            for name, bins in profile.items():
                counts[name] += bins.count(window[name][start : start + BATCH])
        drifted_fields(profile, {name: field_counts.tolist() for name, field_counts in counts.items()})
        return (time.perf_counter() - start_time) / ROWS * 1e6

    return cost_per_event


def _kind(values: NDArray[Any]) -> Any:
    return "category" if values.dtype == object else "number"


def _adwin(window: Columns) -> Callable[[], float]:
    columns = [_numbers(values) for values in window.values()]

    def cost_per_event() -> float:
        detectors = [ADWIN() for _ in columns]
        rows = list(zip(*columns, strict=True))
        start_time = time.perf_counter()
        for row in rows:
            for detector, value in zip(detectors, row, strict=True):
                detector.update(value)
        return (time.perf_counter() - start_time) / len(rows) * 1e6

    return cost_per_event


def _numbers(values: NDArray[Any]) -> list[float]:
    """The first values as River takes them, categories as codes."""
    numbers = np.unique(values, return_inverse=True)[1] if values.dtype == object else values
    return [float(number) for number in numbers[:ADWIN_ROWS]]


def _evidently(testbed: Testbed, reference: Columns, window: Columns) -> list[float]:
    try:
        python = interpreter_of("evidently")
    except EnvironmentMissing as error:
        print_line(f"[yellow]evidently: missing: {error}[/yellow]")
        return []
    files = [_write_columns(testbed.folder / "a.npz", reference), _write_columns(testbed.folder / "b.npz", window)]
    arguments = [str(python), str(PEER_SCRIPTS / "drift_evidently.py"), *files, str(testbed.repetitions)]
    environment = environment_of(Command("evidently", arguments, SINGLE_THREADED))
    process = subprocess.run(
        arguments, env=environment, capture_output=True, text=True, check=False, cwd=testbed.folder
    )
    if process.returncode:
        print_line(f"[red]evidently: {process.stderr[-500:]}[/red]")
        return []
    return [seconds / ROWS * 1e6 for seconds in json.loads(process.stdout.splitlines()[-1])]


def _write_columns(path: Path, columns: Columns) -> str:
    texts = {name: values.astype(str) if values.dtype == object else values for name, values in columns.items()}
    np.savez(path, allow_pickle=False, **texts)
    return str(path)
