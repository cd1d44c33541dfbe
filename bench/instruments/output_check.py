"""Checks the output of a drain: every id exactly once, and every score the model's own, to 1e-9.

`python -m bench.instruments.output_check` reads an `OutputCheck` as JSON from standard input and prints what is wrong.
It is a process of its own, so that the next cell's input can be written meanwhile.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import numpy as np
import uvloop
from numpy.typing import NDArray

from bench.instruments.broker import connected
from bench.instruments.processes import MeasurementError, run_module
from bench.workload.events import RecordId, event_number

TOLERANCE = 1e-9


class _PeerPrediction(RecordId, gc=False):
    score: float


class _ModelOutput(msgspec.Struct, gc=False):
    probabilities: list[float]


class _PenstockPrediction(RecordId, gc=False):
    data: _ModelOutput


Scores = Callable[[Sequence[Any]], list[float]]

RECORD_FORMATS: dict[str, tuple[type[RecordId], Scores | None]] = {
    "event": (RecordId, None),
    "peer": (_PeerPrediction, lambda records: [record.score for record in records]),
    "penstock": (_PenstockPrediction, lambda records: [record.data.probabilities[1] for record in records]),
}
"""The type that a record of each format is decoded as, and how its score is read."""


@dataclass(frozen=True)
class OutputCheck:
    """What the topics must hold: one record in the format for each of `count` events.

    `scores` is the file (.npy) of the distinct events' scores: event n has the score at n modulo their number.
    """

    bootstrap: str
    topics: Sequence[str]
    partitions: int
    record_format: str
    count: int
    scores: str


async def check_output(check: OutputCheck) -> None:
    """Check every record, in a process of its own.

    Raises:
        MeasurementError: an id is missing, repeated or unknown, or a score is wrong.
    """
    error = await run_module("bench.instruments.output_check", asdict(check))
    if error:
        raise MeasurementError(error.decode())


async def _read_and_compare(check: OutputCheck) -> str:
    async with connected(check.bootstrap) as broker:
        try:
            values = broker.values(check.topics, check.partitions)
            await compare_records(values, check.record_format, check.count, np.load(check.scores))
        except MeasurementError as error:
            return str(error)
    return ""


async def compare_records(
    batches: AsyncIterable[Sequence[bytes]], record_format: str, count: int, expected: NDArray[np.float64]
) -> None:
    """Compare the records with the ids of `count` events and the expected scores, shape (distinct events,).

    Raises:
        MeasurementError: an id is missing, repeated or unknown, or a score is wrong.
    """
    record_type, scores_of = RECORD_FORMATS[record_format]
    decode = msgspec.json.Decoder(record_type).decode_lines
    occurrences = np.zeros(count, np.int64)
    largest_error = 0.0
    async for values in batches:
        records = decode(b"\n".join(values))
        numbers = np.fromiter((event_number(record.id) for record in records), np.int64, len(records))
        if numbers.size and (numbers.min() < 0 or numbers.max() >= count):
            raise MeasurementError(f"the output holds event {numbers.max()}, of {count} that went in")
        occurrences += np.bincount(numbers, minlength=count)
        if scores_of is not None:
            errors = np.abs(np.array(scores_of(records)) - expected[numbers % len(expected)])
            largest_error = max(largest_error, float(errors.max(initial=0.0)))
    _check_counts(occurrences)
    if largest_error > TOLERANCE:
        raise MeasurementError(f"a score differs from the model's by {largest_error:.3g}")


def _check_counts(occurrences: NDArray[np.int64]) -> None:
    missing, repeated = int((occurrences == 0).sum()), int((occurrences > 1).sum())
    if missing or repeated:
        raise MeasurementError(f"of {len(occurrences)} ids {missing} are missing and {repeated} repeated in the output")


def main() -> None:
    """Run the check on standard input."""
    gc.disable()  # nothing here is cyclic
    sys.stdout.write(uvloop.run(_read_and_compare(OutputCheck(**json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
