"""Results of cases, kept so that a second run tries only those that are missing or of other code, new cases first."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.evaluation.code_digest import digest, product_digest
from tests.faults.live.case import Case, Result

FOLDER = Path(__file__).parent / "stored_results"


def stored(case: Case) -> Result | None:
    """The result of a case with the product as it is now."""
    file = _file(case)
    return Result.model_validate_json(file.read_bytes()) if file.exists() else None


def newest(case: Case) -> Result | None:
    """The result of a case with the product as it is now, else with the latest product that it was tried with."""
    files = sorted(FOLDER.glob(f"*/{_file(case).name}"), key=lambda file: file.stat().st_mtime)
    return stored(case) or (Result.model_validate_json(files[-1].read_bytes()) if files else None)


def store(case: Case, result: Result) -> None:
    """Keep a result."""
    file = _file(case)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    unfinished.write_text(result.model_dump_json(indent=1))
    unfinished.rename(file)


def keep_logs(case: Case, logs: Path) -> Path:
    """Keep the logs of a deployment that failed a case."""
    folder = _file(case).with_suffix(".logs")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(logs, folder)
    return folder


def _file(case: Case) -> Path:
    return FOLDER / product_digest() / f"{digest(case.key.encode())}.json"
