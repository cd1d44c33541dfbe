"""The folder of an exported model: written beside its place, proven there, and only then put in its place."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from penstock.console.export.exported_version import ExportedVersion
from penstock.console.failure import wrong_input
from penstock.ml.package import golden_rows


def write_folder(output: Path, write_and_prove: Callable[[Path], float]) -> float:
    """Write a folder, of which nothing is left unless it is whole and proven; the largest difference.

    Raises:
        ConsoleFailure: it is there already, or cannot be written; and what `write_and_prove` raises.
    """
    if output.exists():
        raise wrong_input(f"--output {output}: it exists already; remove it, or choose another name")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as beside:
            folder = Path(beside, output.name)
            folder.mkdir()
            difference = write_and_prove(folder)
            shutil.rmtree(folder / "__pycache__", ignore_errors=True)  # of modules that were opened for the proof
            folder.rename(output)
    except OSError as error:
        raise wrong_input(f"--output {output}: cannot be written: {error.strerror}") from error
    return difference


def describe(exported: ExportedVersion) -> dict[str, Any]:
    """All that is to be known of a model beside its estimator, as data that JSON can hold."""
    model, version = exported.model, exported.version
    calibration, costs = model.calibration, model.decision_costs
    return {
        "stream": exported.stream,
        "version": version.version,
        "member": exported.member,
        "digest": version.digest,
        "run": version.run,
        "family": model.family,
        "task": model.task,
        "classes": list(model.classes),
        "inputs": [{"name": field.name, "kind": field.kind} for field in model.inputs],
        "time": exported.time if model.encoder.time_parts else None,
        "encoder": model.encoder.to_dict(),
        "columns": list(model.encoder.names),
        "smoothing": model.smoothing,
        **({} if calibration is None else {"calibration": calibration.to_dict()}),
        **({} if costs is None else {"decision_costs": costs}),
        "details": model.details,
    }


def write_common(folder: Path, exported: ExportedVersion, description: dict[str, Any]) -> None:
    """Write what every form has: the description, and the golden rows with the answers to them."""
    write_json(folder / "model.json", description)
    write_json(folder / "golden.json", golden_rows.record(exported.model, exported.golden))


def write_json(file: Path, document: Any) -> None:
    """Write plain data."""
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
