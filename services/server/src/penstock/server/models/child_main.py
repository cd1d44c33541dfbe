"""`python -m penstock.server.models.child_main MEMORY`: a process that holds one model for the server.

It ends when its input does. The kernel ends it (SIGALRM) when a call takes longer than it may, even after the server
was killed.
"""

from __future__ import annotations

import math
import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import BinaryIO

from penstock.contracts.batch import RawRecord
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.streams import StreamDeclared
from penstock.ml.features.frame import Frame
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.ml.package.estimator_bytes import import_learners
from penstock.server.models.child_messages import (
    LENGTH_BYTES,
    Answered,
    Failed,
    Imported,
    Learnt,
    Message,
    Opened,
    Refused,
    Request,
    answered,
    encode,
)
from penstock.server.models.local_model import LocalModel
from penstock.server.models.model_check import RefusedModel, open_model

GRACE_S = 5  # beyond a call's time-out: the parent sees to it first


class ChildModelHost:
    """The model of this process, and the operations on it; `open_model` makes it from its artifact."""

    def __init__(self, open_model: Callable[[bytes, Declaration], Model | Blend]) -> None:
        self._open_model = open_model
        self._model: LocalModel | None = None

    def handle(self, request: Request) -> Message:
        """Carry out one request; whatever it raises is the answer."""
        operation, limit, arguments = request
        signal.alarm(math.ceil(limit) + GRACE_S)
        try:
            operations: dict[str, Callable[..., Message]] = {
                "import": self._import,
                "open": self._open,
                "answer": self._answer,
                "learn": self._learn,
            }
            return operations[operation](*arguments)
        except RefusedModel as error:
            return Refused(str(error))
        except Exception as error:  # a model may fail in any way
            return Failed(f"{type(error).__name__}: {error}")
        finally:
            signal.alarm(0)

    def _import(self) -> Imported:
        import_learners()
        return Imported()

    def _open(self, artifact: bytes, declaration: Declaration, digest: str) -> Opened:
        self._model = None
        self._model = model = LocalModel(self._open_model(artifact, declaration), declaration, digest)
        return Opened(model.family, model.classes, None if model.learner is None else model.learner.learnt_to)

    def _answer(self, frame: Frame, entities: Sequence[str | None]) -> Answered:
        assert self._model is not None
        return answered(self._model.answer_now(frame, entities))

    def _learn(self, declared: StreamDeclared, records: Sequence[RawRecord]) -> Learnt:
        assert self._model is not None
        assert self._model.learner is not None
        started = time.thread_time()
        self._model.learner.learn(declared, records)
        return Learnt(self._model.learner.learnt_to, time.thread_time() - started)


def main(open_model: Callable[[bytes, Declaration], Model | Blend] = open_model) -> None:
    """Serve the parent's requests until it closes the input."""
    output = os.dup(1)
    os.dup2(2, 1)  # what libraries print is no message
    memory = int(sys.argv[-1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    host = ChildModelHost(open_model)
    while content := _read_message(sys.stdin.buffer):
        message = encode(host.handle(pickle.loads(content)))  # the parent wrote it
        _write_all(output, len(message).to_bytes(LENGTH_BYTES) + message)


def _read_message(stream: BinaryIO) -> bytes:
    return stream.read(int.from_bytes(stream.read(LENGTH_BYTES)))


def _write_all(output: int, content: bytes) -> None:
    remaining = memoryview(content)
    while remaining:
        remaining = remaining[os.write(output, remaining) :]


if __name__ == "__main__":
    main()
