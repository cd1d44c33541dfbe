"""Searches that outlive a trainer: what was tried is kept in a file until the run has ended."""

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
from penstock.trainer.job import Job

Direction = Literal["maximize", "minimize"]

_NAME = "search"
_FORGOTTEN_AFTER = 7 * 86_400  # seconds since anybody wrote: nobody will go on with it
_CODE = f"{version('penstock-trainer')} {version('penstock-ml')} {version('optuna')}"


def file_of(job: Job, folder: Path) -> Path:
    """Where the search of a job is kept: under what the job is about, so that no other job finds it."""
    about = digest_of(f"{_CODE}\n{job.model_dump_json()}".encode())
    return folder / f"{about.rpartition(':')[2]}.journal"


def reopened(file: Path, direction: Direction) -> optuna.Study | None:
    """The study in a file, new if there is none; None where no file can be kept: then a search cannot be resumed."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _forget_old(file.parent)
        _mend(file)
        return _opened(file, direction)
    except OSError:
        return None
    except Exception:  # whatever a file holds that is no journal
        forget(file)
        return _opened(file, direction)


def forget(file: Path) -> None:
    """Remove the file, and the locks beside it."""
    with suppress(OSError):
        for left in file.parent.glob(f"{file.name}*"):
            left.unlink(missing_ok=True)


def _forget_old(folder: Path) -> None:
    for file in folder.glob("*.journal"):
        if time.time() - file.stat().st_mtime > _FORGOTTEN_AFTER:
            forget(file)


def _opened(file: Path, direction: Direction) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(file)))
    return optuna.create_study(storage=storage, study_name=_NAME, direction=direction, load_if_exists=True)


def _mend(file: Path) -> None:
    """Take away what a kill left: the lock of who wrote last, and half a line. One run of a stream is done at a time."""
    Path(f"{file}.lock").unlink(missing_ok=True)
    if file.exists():
        os.truncate(file, file.read_bytes().rfind(b"\n") + 1)
