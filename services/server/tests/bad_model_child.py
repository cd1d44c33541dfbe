"""`python bad_model_child.py BEHAVIOUR MEMORY`: a model's child process whose model misbehaves."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from penstock.contracts.declaration.stream import Declaration
from penstock.ml.models.model import Model
from penstock.server.models import model_check
from penstock.server.models.child_main import main


def hang(*_: Any) -> Any:
    """Never return."""
    while True:
        time.sleep(60)


def eat_memory(*_: Any) -> Any:
    """Ask for memory until there is none."""
    kept = []
    while True:
        kept.append(np.ones(2**24))


def crash(*_: Any) -> Any:
    """End the process as a fault in native code does."""
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(*_: Any) -> Any:
    """End the process as if all were well."""
    os._exit(0)


def chatter(*_: Any) -> Any:
    """Write to every file that is open for it."""
    for descriptor in range(1, 64):
        try:
            os.write(descriptor, b"\x00\x00\x00\x08 nonsense")
        except OSError:
            continue
    hang()


def fork(*_: Any) -> Any:
    """Start a process, say which, and hang."""
    child = os.fork()
    if child:
        Path(os.environ["FORKED_PID_FILE"]).write_text(str(child))
    hang()


def misbehave_if_told(misbehave: Callable[[], Any]) -> None:
    """Misbehave once there is a file that asks for it, and say so by another file."""
    told = Path(os.environ["MISBEHAVE_FILE"])
    if told.exists():
        told.with_suffix(".reached").touch()
        misbehave()


class _Estimator:
    """Misbehaves in place of answering."""

    def __init__(self, estimator: Any, misbehave: Callable[[], Any]) -> None:
        self._estimator = estimator
        self._misbehave = misbehave
        self.classes_ = estimator.classes_

    def predict_proba(self, matrix: Any) -> Any:
        misbehave_if_told(self._misbehave)
        return self._estimator.predict_proba(matrix)


def open_by(behaviour: str) -> Callable[[bytes, Declaration], Any]:
    """Opens models that misbehave when they are opened, or with `-later` when they answer."""
    misbehave = globals()[behaviour.removesuffix("-later")]

    def open_model(artifact: bytes, declaration: Declaration) -> Any:
        if not behaviour.endswith("-later"):
            misbehave_if_told(misbehave)
        model = model_check.open_model(artifact, declaration)
        assert isinstance(model, Model)
        return replace(model, estimator=_Estimator(model.estimator, misbehave))

    return open_model


if __name__ == "__main__":
    main(open_by(sys.argv[1]))
