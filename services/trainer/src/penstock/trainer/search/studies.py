"""Studies on disk: the trials of a search are kept in a file until its run has ended, so that it can be resumed."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from penstock.artifacts import digest_of
from penstock.trainer.job import TrainingJob

Direction = Literal["maximize", "minimize"]

_NAME = "search"
_MAX_AGE = 7 * 86_400  # seconds since the last write; an older study will not be resumed
_CODE = f"{version('penstock-trainer')} {version('penstock-ml')} {version('optuna')}"


def study_file(job: TrainingJob, folder: Path) -> Path:
    """The file of a job's search, named by a digest of the job, so that every job has its own."""
    digest = digest_of(f"{_CODE}\n{job.model_dump_json()}".encode())
    return folder / f"{digest.rpartition(':')[2]}.journal"


def open_study(file: Path, direction: Direction) -> optuna.Study | None:
    """The study in a file, a new one if there is none; None where no file can be kept: then it cannot be resumed."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _delete_old(file.parent)
        _repair(file)
        return _load_study(file, direction)
    except OSError:
        return None
    except Exception:  # the file is not a journal
        delete_study(file)
        return _load_study(file, direction)


def delete_study(file: Path) -> None:
    """Delete the file, and the locks beside it."""
    with suppress(OSError):
        for path in file.parent.glob(f"{file.name}*"):
            path.unlink(missing_ok=True)


def _delete_old(folder: Path) -> None:
    for file in folder.glob("*.journal"):
        if time.time() - file.stat().st_mtime > _MAX_AGE:
            delete_study(file)


def _load_study(file: Path, direction: Direction) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(file)))
    return optuna.create_study(storage=storage, study_name=_NAME, direction=direction, load_if_exists=True)


def _repair(file: Path) -> None:
    """Remove what a kill leaves behind: a lock, and half a line. A stream has one run at a time."""
    Path(f"{file}.lock").unlink(missing_ok=True)
    if file.exists():
        os.truncate(file, file.read_bytes().rfind(b"\n") + 1)
