"""Runs the cells that have no stored result: a stream at a time, in processes of their own."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from itertools import groupby
from multiprocessing import get_context
from statistics import median

from bench.evaluation.cells import PENSTOCK_RESULTS, REFERENCE_RESULTS, Cell, CellResult, read_results
from bench.report.terminal import format_figure, print_line

Job = Sequence[Cell]
"""Cells that one process runs, one after the other: the references of a stream, or one replay."""


def run_cells(cells: Sequence[Cell], jobs: int, *, again: bool) -> int:
    """Run the cells that have no stored result; how many failed."""
    missing = [cell for cell in cells if again or cell.load() is None]
    print_line(f"{len(cells)} cells, of which {len(cells) - len(missing)} have a stored result")
    pool = ThreadPoolExecutor(jobs)
    estimates, started = cell_seconds(missing), time.monotonic()
    waiting = dict.fromkeys(missing, True)
    try:
        jobs_of = {pool.submit(_run_in_process, job): job for job in jobs_in_order(missing)}
        failed = 0
        for future in as_completed(jobs_of):
            failed += _failures(future, jobs_of[future])
            for cell in jobs_of[future]:
                del waiting[cell]
            left = sum(estimates[cell] for cell in waiting) / jobs
            print_line(
                f"{len(waiting)} left after {(time.monotonic() - started) / 60:.0f} min: about {left / 60:.0f} min"
            )
        return failed
    except KeyboardInterrupt:
        print_line("interrupted: finished cells are stored")
        sys.exit(130)
    finally:
        pool.shutdown(cancel_futures=True)


def jobs_in_order(cells: Sequence[Cell]) -> list[Job]:
    """The cells as processes run them: all references of a file in one process, which reads it once."""
    return [
        job
        for _, of_stream in groupby(cells, key=lambda cell: cell.stream)
        for _, of_file in groupby(of_stream, key=lambda cell: cell.path)
        for job in [tuple(of_file)]
    ]


def cell_seconds(cells: Sequence[Cell]) -> dict[Cell, float]:
    """About how long each cell takes: by the rows, as stored results of the same predictor took, or as all did."""
    seconds_of: dict[str, list[float]] = {}
    for path in [*REFERENCE_RESULTS.glob("*.json"), *PENSTOCK_RESULTS.glob("*/*.json")]:
        for predictor, result in read_results(path).items():
            seconds_of.setdefault(predictor, []).append(result["wall_s"] / max(1, result["events"]))
    of_all = [seconds for of_predictor in seconds_of.values() for seconds in of_predictor]
    default = median(of_all) if of_all else 0.0
    rows = {cell.stream.file: cell.rows or cell.stream.count() for cell in cells}
    return {
        cell: rows[cell.stream.file] * (median(seconds_of[cell.predictor]) if cell.predictor in seconds_of else default)
        for cell in cells
    }


def _run_in_process(job: Job) -> None:
    """Run a job in a process of its own, so that what it does to the process does not affect others."""
    process = get_context("spawn").Process(target=_run_job, args=(job,))
    process.start()
    process.join()


def _run_job(job: Job) -> None:
    for cell in job:
        try:
            cell.run()
        except Exception:  # the cells after it are run all the same
            traceback.print_exc()
        result = cell.load()
        outcome = "[red]failed[/red]" if result is None else _summary(result)
        print_line(f"{cell.stream.key} {cell.predictor} {cell.seed}: {outcome}")


def _failures(future: Future[None], job: Job) -> int:
    future.result()
    return sum(cell.load() is None for cell in job)


def _summary(result: CellResult) -> str:
    score = result["metrics"][result["metric"]]
    seconds = f"{result['training_seconds']:.0f} s of learning in {result['wall_s']:.0f} s"
    return f"{result['metric']} {format_figure(round(score, 4))}, {result['retrains']} trainings, {seconds}"
