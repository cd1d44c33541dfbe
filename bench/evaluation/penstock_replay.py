"""Penstock as a user runs it: the commands `stream init`, then `replay --in-process`."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.evaluation.streams import Stream
from bench.instruments.processes import Command, MeasurementError, environment_of
from bench.peer_environments import SINGLE_THREADED
from penstock.contracts.declaration.stream_file import write_declaration

POLICIES: Mapping[str, Mapping[str, Any]] = {
    "calendar": {"on_drift": False},
    "static": {"on_drift": False, "growth": 1e9},
}
"""Values of `[retrain]` that show what the loop is worth: retrain when the data has grown, or keep the first model."""


def run_replay(stream: Stream, policy: str | None, seed: int, rows: int | None) -> dict[str, Any]:
    """The report of a replay of the stream; the declaration differs from `stream init`'s in seed and policy only.

    Raises:
        MeasurementError: a command failed.
    """
    with TemporaryDirectory(prefix="penstock-evaluation-") as folder:
        stream_file, report_file = Path(folder) / "stream.toml", Path(folder) / "report.json"
        _run_penstock("stream", "init", str(stream.file), "--output", str(stream_file))
        if policy is not None or seed:
            stream_file.write_text(with_seed_and_policy(stream_file.read_text(), policy, seed))
        _run_penstock(*replay_arguments(stream, stream_file, report_file, rows))
        report: dict[str, Any] = json.loads(report_file.read_text())
        return report


def replay_arguments(stream: Stream, stream_file: Path, report_file: Path, rows: int | None) -> list[str]:
    """The arguments of the replay command."""
    arguments = ["replay", str(stream.file), "--stream", str(stream_file), "--in-process", "--report", str(report_file)]
    arguments += ["--label-delay", str(stream.label_delay)]
    arguments += ["--training-delay", str(stream.training_delay)] if stream.training_delay else []
    return arguments + (["--rows", str(rows)] if rows else [])


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
