"""Is the output right? Every id exactly once, and every score the model's own, to 1e-9.

`python -m bench.checking` reads what to check as JSON from standard input, and prints what is wrong: a process of its
own, so that the next cell's input can be written meanwhile.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import uvloop
from numpy.typing import NDArray

from bench.broker import connected
from bench.events import number_of
from bench.processes import Failed

TOLERANCE = 1e-9


class _Id(msgspec.Struct, gc=False):
    id: str


class _PeerPrediction(_Id, gc=False):
    score: float


class _Answer(msgspec.Struct, gc=False):
    probabilities: list[float]


class _PenstockPrediction(_Id, gc=False):
    data: _Answer


Scores = Callable[[Sequence[Any]], list[float]]

FORMS: dict[str, tuple[type[_Id], Scores | None]] = {
    "event": (_Id, None),
    "peer": (_PeerPrediction, lambda records: [record.score for record in records]),
    "penstock": (_PenstockPrediction, lambda records: [record.data.probabilities[1] for record in records]),
}
"""How a record of each form is read, and where its score stands."""


@dataclass(frozen=True)
class Orders:
    """What is to be in the topics: `count` events' answers in a form. `scores` is the file (.npy) of those of the
    distinct events: the n-th event's is the one at n modulo their number.
    """

    bootstrap: str
    topics: Sequence[str]
    partitions: int
    form: str
    count: int
    scores: str


async def check(orders: Orders) -> None:
    """Have every record looked at, in a process of its own.

    Raises:
        Failed: an id is missing, stands twice or was never asked for, or a score is another one.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.checking", cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        complaint, _ = await process.communicate(json.dumps(asdict(orders)).encode())
    finally:
        if process.returncode is None:
            process.kill()
    if complaint or process.returncode:
        raise Failed(complaint.decode() or f"the check ended with {process.returncode}")


async def _read_and_compare(orders: Orders) -> str:
    async with connected(orders.bootstrap) as broker:
        try:
            values = broker.values(orders.topics, orders.partitions)
            await compare(values, orders.form, orders.count, np.load(orders.scores))
        except Failed as failed:
            return str(failed)
    return ""


async def compare(pieces: AsyncIterable[Sequence[bytes]], form: str, count: int, expected: NDArray[np.float64]) -> None:
    """Look at every record.

    Raises:
        Failed: an id is missing, stands twice or was never asked for, or a score is another one.
    """
    record_type, scores = FORMS[form]
    decode = msgspec.json.Decoder(record_type).decode_lines
    seen = np.zeros(count, np.int64)
    worst = 0.0
    async for values in pieces:
        records = decode(b"\n".join(values))
        numbers = np.fromiter((number_of(record.id) for record in records), np.int64, len(records))
        if numbers.size and (numbers.min() < 0 or numbers.max() >= count):
            raise Failed(f"the output holds event {numbers.max()}, of {count} that went in")
        seen += np.bincount(numbers, minlength=count)
        if scores is not None:
            found = np.array(scores(records))
            worst = max(worst, float(np.abs(found - expected[numbers % len(expected)]).max(initial=0.0)))
    _complain(seen, worst)


def _complain(seen: NDArray[np.int64], worst: float) -> None:
    missing, repeated = int((seen == 0).sum()), int((seen > 1).sum())
    if missing or repeated:
        raise Failed(f"of {len(seen)} ids {missing} are missing and {repeated} stand twice in the output")
    if worst > TOLERANCE:
        raise Failed(f"a score differs from the model's by {worst:.3g}")


def main() -> None:
    """Check as ordered."""
    gc.disable()  # nothing here is cyclic
    sys.stdout.write(uvloop.run(_read_and_compare(Orders(**json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
