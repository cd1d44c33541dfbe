"""What it costs to watch 22 fields for drift: our kernel, River's ADWIN per field, an Evidently report.

A window of 10,000 events is compared with 10,000 others: as columns, where they come from is not counted. The kernel
is what the drift detector runs: counts per batch, then PSI and KS of the window.
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

from bench.environments import PEERS, QUIET, NotSetUp, interpreter
from bench.lab import Lab
from bench.models import frame_of
from bench.processes import Command, environment_of
from bench.results import Result, result
from bench.stream import draw
from bench.terminal import say
from penstock.drift_detector.drift.field_drift import drifted_fields
from penstock.ml.drift.reference_bins import ReferenceBins

ROWS = 10_000
BATCH = 1000
ADWIN_ROWS = 2000  # it costs the same for each

Columns = Mapping[str, NDArray[Any]]


async def measure(lab: Lab) -> list[Result]:
    """Each way, repetition by repetition."""
    reference, window = (dict(frame_of(draw(ROWS, seed)).columns) for seed in (2, 3))
    ways = {"penstock": _kernel(reference, window), "adwin": _adwin(window)}
    found: dict[str, list[float]] = {name: [] for name in (*ways, "evidently")}
    for _ in range(lab.repetitions):
        for name, way in ways.items():
            found[name].append(way())
    found["evidently"] = await asyncio.to_thread(_evidently, lab, reference, window)
    for name, figures in found.items():
        if figures:
            say(f"drift {name:<10} {np.median(figures):10.2f} us an event of {len(window)} fields")
    return [result("drift", name, "us/event", figures) for name, figures in found.items()]


def _kernel(reference: Columns, window: Columns) -> Callable[[], float]:
    profile = {name: ReferenceBins.of(values, _kind(values)) for name, values in reference.items()}

    def once() -> float:
        started = time.perf_counter()
        counts = {name: np.zeros(known.bins, np.int64) for name, known in profile.items()}
        for start in range(0, ROWS, BATCH):
            for name, known in profile.items():
                counts[name] += known.count(window[name][start : start + BATCH])
        drifted_fields(profile, {name: counted.tolist() for name, counted in counts.items()})
        return (time.perf_counter() - started) / ROWS * 1e6

    return once


def _kind(values: NDArray[Any]) -> Any:
    return "category" if values.dtype == object else "number"


def _adwin(window: Columns) -> Callable[[], float]:
    series = [_numbers(values) for values in window.values()]

    def once() -> float:
        detectors = [ADWIN() for _ in series]
        rows = list(zip(*series, strict=True))
        started = time.perf_counter()
        for row in rows:
            for detector, value in zip(detectors, row, strict=True):
                detector.update(value)
        return (time.perf_counter() - started) / len(rows) * 1e6

    return once


def _numbers(values: NDArray[Any]) -> list[float]:
    """The first values as River takes them, categories as codes."""
    numbers = np.unique(values, return_inverse=True)[1] if values.dtype == object else values
    return [float(number) for number in numbers[:ADWIN_ROWS]]


def _evidently(lab: Lab, reference: Columns, window: Columns) -> list[float]:
    try:
        python = interpreter("evidently")
    except NotSetUp as error:
        say(f"[yellow]evidently: missing: {error}[/yellow]")
        return []
    files = [_written(lab.folder / f"{name}.npz", columns) for name, columns in (("a", reference), ("b", window))]
    command = Command(
        "evidently", [str(python), str(PEERS / "drift_evidently.py"), *files, str(lab.repetitions)], QUIET
    )
    answer = subprocess.run(
        command.arguments, env=environment_of(command), capture_output=True, text=True, check=False, cwd=lab.folder
    )
    if answer.returncode:
        say(f"[red]evidently: {answer.stderr[-500:]}[/red]")
        return []
    return [seconds / ROWS * 1e6 for seconds in json.loads(answer.stdout.splitlines()[-1])]


def _written(path: Path, columns: Columns) -> str:
    texts = {name: values.astype(str) if values.dtype == object else values for name, values in columns.items()}
    np.savez(path, allow_pickle=False, **texts)
    return str(path)
