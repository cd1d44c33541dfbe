"""Penstock as its user runs it: `stream init`, then `replay --in-process`, each a command of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.environments import QUIET
from bench.evaluation.streams import Stream
from bench.processes import Command, Failed, environment_of
from penstock.contracts.declaration.stream_file import write_declaration

POLICIES: Mapping[str, Mapping[str, Any]] = {
    "calendar": {"on_drift": False},
    "static": {"on_drift": False, "growth": 1e9},
}
"""What is declared under `[retrain]` to see what the loop is worth: the data's growth alone, or the first model alone."""


def replayed(stream: Stream, policy: str | None, seed: int, rows: int | None) -> dict[str, Any]:
    """The report of a replay of the stream, the declaration untouched but for seed and policy.

    Raises:
        Failed: a command did not end well.
    """
    with TemporaryDirectory(prefix="penstock-evaluation-") as folder:
        declared, report = Path(folder) / "stream.toml", Path(folder) / "report.json"
        _penstock("stream", "init", str(stream.file), "--output", str(declared))
        if policy is not None or seed:
            declared.write_text(changed(declared.read_text(), policy, seed))
        _penstock(*replay_of(stream, declared, report, rows))
        found: dict[str, Any] = json.loads(report.read_text())
        return found


def replay_of(stream: Stream, declared: Path, report: Path, rows: int | None) -> list[str]:
    """The words of the replay's command."""
    words = ["replay", str(stream.file), "--stream", str(declared), "--in-process", "--report", str(report)]
    words += ["--label-delay", str(stream.delay)]
    words += ["--training-delay", str(stream.late)] if stream.late else []
    return words + (["--rows", str(rows)] if rows else [])


def changed(text: str, policy: str | None, seed: int) -> str:
    """The declaration with another seed, and another policy."""
    document = tomllib.loads(text)
    document["models"] = document.get("models", {}) | {"seed": seed}
    if policy is not None:
        document["retrain"] = document.get("retrain", {}) | POLICIES[policy]
    return write_declaration(document)


def _penstock(*words: str) -> None:
    arguments: Sequence[str] = [str(Path(sys.executable).parent / "penstock"), *words]
    environment = environment_of(Command("penstock", arguments, QUIET))
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"penstock {words[0]} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
