"""What a model's child process answers. Requests are pickled: the child trusts its parent, but not the other way round.

A message is preceded by its length in four bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from penstock.contracts.codecs.prediction_encoder import PredictionDetails
from penstock.ml.models.model import ModelOutput
from penstock.server.models.arm import Answers

LENGTH_BYTES = 4
MAX_MESSAGE = 512 * 1024 * 1024

Operation = Literal["import", "open", "answer", "learn"]
Request = tuple[Operation, float, tuple[Any, ...]]
"""The operation, the seconds that it may take, and its arguments."""


class CopiedRecord(NamedTuple):
    """A record of the log that can be pickled."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class Imported(Struct, frozen=True, tag=True):
    """Everything is imported that a model of learners needs."""


class Opened(Struct, frozen=True, tag=True):
    """The model may serve; `learnt_to` is None when it learns nothing."""

    family: str
    classes: tuple[str, ...]
    learnt_to: int | None


class Refused(Struct, frozen=True, tag=True):
    """The model must not serve."""

    reason: str


class Answered(Struct, frozen=True, tag=True):
    """Answers to n rows; `probabilities` are the bytes of an array of float64."""

    values: list[str | float]
    probabilities: bytes | None
    learnt_to: int | None
    lag_features: list[list[float | None]] | None
    experts: list[list[float]] | None


class Learnt(Struct, frozen=True, tag=True):
    """Outcomes were learnt up to an offset, which took so many seconds of CPU."""

    learnt_to: int
    seconds: float


class Failed(Struct, frozen=True, tag=True):
    """The operation raised an error."""

    reason: str


Message = Imported | Opened | Refused | Answered | Learnt | Failed

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Message).decode


def answered(answers: Answers) -> Answered:
    """Answers as a message."""
    output, details = answers.output, answers.details or PredictionDetails()
    return Answered(
        list(output.values),
        None if output.probabilities is None else np.ascontiguousarray(output.probabilities, np.float64).tobytes(),
        answers.learnt_to,
        None if details.lag_features is None else list(details.lag_features),
        None if details.experts is None else list(details.experts),
    )


def answers_of(message: Answered, rows: int, classes: tuple[str, ...]) -> Answers:
    """A message as answers to n rows.

    Raises:
        ValueError: it does not hold answers to so many rows.
    """
    if len(message.values) != rows:
        raise ValueError(f"it answered {len(message.values)} rows of {rows}")
    probabilities = None if message.probabilities is None else _array(message.probabilities, (rows, len(classes)))
    values: Any = message.values
    details = None
    if message.lag_features is not None or message.experts is not None:
        details = PredictionDetails(message.lag_features, message.experts)
    return Answers(ModelOutput(values, probabilities), message.learnt_to, details)


def _array(content: bytes, shape: tuple[int, int]) -> NDArray[np.float64]:
    return np.frombuffer(content, np.float64).reshape(shape)
