"""Penstock as a user runs it: `stream init`, then what `replay --in-process` does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.evaluation.references.answers import Answers
from bench.evaluation.scoring import score_answers
from bench.evaluation.streams import Stream
from bench.instruments.processes import Command, MeasurementError, environment_of
from bench.peer_environments import SINGLE_THREADED
from penstock.console.replay.replay import ReplayOptions, run_in_process
from penstock.console.replay.report.report import Report, make_report
from penstock.console.replay.report.scored_rows import ScoredRows, scored_rows
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream_file import parse_declaration, write_declaration
from penstock.trainer.processes.memory_allocation import return_large_arrays

POLICIES: Mapping[str, Mapping[str, Any]] = {
    "calendar": {"on_drift": False},
    "static": {"on_drift": False, "growth": 1e9},
}
"""Values of `[retrain]` that show what the loop is worth: retrain when the data has grown, or keep the first model."""


def run_replay(stream: Stream, policy: str | None, seed: int, rows: int | None) -> dict[str, Any]:
    """The result of a replay of the stream; the declaration differs from `stream init`'s in seed and policy only.

    It is what `penstock replay FILE --in-process` runs; what the command reports has no answers to single rows.

    Raises:
        MeasurementError: the stream cannot be declared.
    """
    return_large_arrays()
    text = declared(stream)
    if policy is not None or seed:
        text = with_seed_and_policy(text, policy, seed)
    options = replay_options(stream, text, rows)
    replay = asyncio.run(run_in_process(options, lambda _: None))
    report = make_report(replay.watch, replay.rows, replay.measurements)
    slots = replay.watch.events.slots_of(replay.rows.ids(), len(replay.rows))
    return replay_result(report, scored_rows(replay.watch.events, slots, replay.rows, options.declaration))


def replay_result(report: Report, scored: ScoredRows) -> dict[str, Any]:
    """What is kept of a replay: scores, effort, and the rows where models changed and drifts were found."""
    scores = score_answers(
        scored.labels, _answers(scored), scored.positive, report.events, scored.numbers.astype(np.float64)
    )
    return {
        "metric": report.metric,
        "events": report.events,
        **scores,
        "metrics": scores["metrics"] | {report.metric: report.score},
        "retrains": report.retrains,
        "trained_rows": sum(training.rows or 0 for training in report.trainings),
        "training_seconds": report.training_seconds,
        "wall_s": report.wall_s,
        "models": [line.at_event for line in report.epochs if line.epoch],
        "drifts": [line.at_event for line in report.drifts],
    }


def _answers(scored: ScoredRows) -> Answers:
    """Classes that are not declared have probability 0."""
    if scored.probabilities is None:
        return Answers(scored.answers, np.empty((len(scored), 0)))
    declared_probabilities = np.nan_to_num(scored.probabilities.astype(np.float64))
    missing = len(scored.classes) - declared_probabilities.shape[1]
    return Answers(scored.answers, np.pad(declared_probabilities, ((0, 0), (0, missing))))


def declared(stream: Stream) -> str:
    """The declaration that `stream init` writes."""
    with TemporaryDirectory(prefix="penstock-evaluation-") as folder:
        stream_file = Path(folder) / "stream.toml"
        _run_penstock("stream", "init", str(stream.file), "--output", str(stream_file))
        return stream_file.read_text()


def replay_options(stream: Stream, text: str, rows: int | None) -> ReplayOptions:
    """The options of a replay with the delays of the stream; `text` declares it."""
    return ReplayOptions(
        open_table(stream.file).first(rows),
        parse_declaration(text),
        stream.label_delay,
        training_delay=stream.training_delay,
    )


def with_seed_and_policy(text: str, policy: str | None, seed: int) -> str:
    """The declaration with another seed, and another policy if one is given."""
    document = tomllib.loads(text)
    document["models"] = document.get("models", {}) | {"seed": seed}
    if policy is not None:
        document["retrain"] = document.get("retrain", {}) | POLICIES[policy]
    return write_declaration(document)


def _run_penstock(*arguments: str) -> None:
    command: Sequence[str] = [str(Path(sys.executable).parent / "penstock"), *arguments]
    environment = environment_of(Command("penstock", command, SINGLE_THREADED))
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if process.returncode:
        error = process.stderr.strip()[-500:]
        raise MeasurementError(f"penstock {arguments[0]} ended with {process.returncode}: {error}")
