"""The newest outcomes of a stream as arrays: what was answered, what was true, and the fields of the events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from penstock.bus.ports import Log
from penstock.console.lineage.places import TopicReader
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import OUTCOMES
from penstock.ml.features.frame import column

MOST_OUTCOMES = 5000


@dataclass(frozen=True)
class AnswerSample:
    """The newest outcomes of a stream that are not imported history, n of them, in order.

    `values` and `labels` are classes or numbers as the log has them, the label None where it never came;
    `probabilities` has a row for each answer that came with them. `fields` has a column for each declared feature.
    """

    values: list[str | float]
    labels: list[str | float | None]
    probabilities: list[list[float] | None]
    fields: Mapping[str, NDArray[Any]]
    first_time: datetime | None
    last_time: datetime | None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def of(self) -> str:
        """Which outcomes these are, in words."""
        if self.first_time is None or self.last_time is None:
            return "of no outcomes"
        return f"of {len(self):,} outcomes from {self.first_time:%Y-%m-%d %H:%M} to {self.last_time:%Y-%m-%d %H:%M}"


async def read_sample(log: Log, namespace: str, stream: StreamDeclared, most: int = MOST_OUTCOMES) -> AnswerSample:
    """The newest outcomes that the log has.

    Raises:
        TransientError: the log does not answer.
    """
    reader: TopicReader[Outcome[Any]] = TopicReader(log, namespace, OUTCOMES, stream)
    spans = {number: (max(begin, end - most), end) for number, (begin, end) in (await reader.bounds()).items()}
    outcomes = [placed.record async for placed in reader.read(spans) if placed.record.data.status != "imported"]
    outcomes = [outcome for outcome in outcomes if outcome.data.revision == 0 or outcome.data.label is not None]
    rows = [msgspec.to_builtins(outcome.data.fields) for outcome in outcomes]
    kinds = {
        name: "category" if field.type == "category" else "number"
        for name, field in stream.declaration.features.items()
    }
    times = [outcome.time for outcome in outcomes]
    return AnswerSample(
        values=[outcome.data.answer.value for outcome in outcomes],
        labels=[outcome.data.label for outcome in outcomes],
        probabilities=[outcome.data.answer.probabilities for outcome in outcomes],
        fields={
            name: column(kind, [row.get(name) for row in rows])  # type: ignore[arg-type]
            for name, kind in kinds.items()
        },
        first_time=min(times, default=None),
        last_time=max(times, default=None),
    )


def classified(sample: AnswerSample, classes: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], Any]:
    """Codes of the answers and of the labels, shape (n,), and probabilities (n, k) or None, of labelled answers."""
    codes = {name: number for number, name in enumerate(classes)}
    rows = [
        (codes[value], codes[label], probabilities)
        for value, label, probabilities in zip(sample.values, sample.labels, sample.probabilities, strict=True)
        if value in codes and label in codes
    ]
    answers = np.array([row[0] for row in rows], dtype=np.int64)
    labels = np.array([row[1] for row in rows], dtype=np.int64)
    widths = {len(row[2]) for row in rows if row[2]}
    if widths != {len(classes)}:
        return answers, labels, None
    empty = [float("nan")] * len(classes)
    return answers, labels, np.array([row[2] or empty for row in rows], dtype=np.float32)
