"""`stream init`: a first declaration from a sample of a file, good enough to run as it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import Any

from penstock.console.failure import wrong_input
from penstock.console.init.propose_lag_features import proposed_lags
from penstock.console.table_file import MISSING, Table
from penstock.console.time_text import read_time
from penstock.contracts.checks import canonical_class
from penstock.contracts.declaration.stream_file import write_declaration

SAMPLE = 20_000  # rows looked at
LISTED_CATEGORIES = 50
MOST_CODES = 20  # whole numbers up to this many distinct values are classes
MOST_ENTITY_CATEGORIES = 200  # an entity with more values says too little of each to be a feature
HORIZON_ROWS = 5000
SHORTEST_HORIZON = timedelta(days=30)
LONGEST_HORIZON = timedelta(days=36_500)


def propose(table: Table, label: str | None, entity: str | None) -> str:
    """The text of a `stream.toml` for the table: the label is the last column unless named, an entity is never
    guessed, a column of rising dates is the time.

    Raises:
        ConsoleFailure: the file has no such column, or nothing to learn from.
    """
    sample = _Sample(table)
    label = label or table.columns[-1]
    table.place_of(label)
    if entity is not None:
        table.place_of(entity)
    time = next((name for name in table.columns if name != label and sample.is_rising_time(name)), None)
    fields = {
        name: _field(sample.present(name), len(sample.rows), is_entity=name == entity)
        for name in table.columns
        if name not in (label, time)
    }
    labels = sample.present(label)
    if not labels:
        raise wrong_input(f"{table.path}: the label {label!r} is missing in every row of the sample")
    if not fields or not (time or any(field.get("feature", True) for field in fields.values())):
        raise wrong_input(f"{table.path}: no column beside the label {label!r} has anything to learn from")
    task = _task(labels)
    stream: dict[str, Any] = {"name": _stream_name(table.path), "task": task}
    if entity is not None:
        stream["entity"] = entity
    return write_declaration(
        {
            "stream": stream,
            "label": _label(label, labels, task) | {"horizon": _duration(sample.horizon(time))},
            "lags": _lags(sample, label, entity, task),
            "time": _time(sample.times(time), time) if time else {},
            "fields": fields,
        }
    )


def _lags(sample: _Sample, label: str, entity: str | None, task: str) -> dict[str, Any]:
    labels, entities = sample.labelled(label, entity)
    back, mean = proposed_lags(labels, entities, numbers=task == "regression")
    return {"label": list(back), "mean": mean} if back else {}


class _Sample:
    def __init__(self, table: Table) -> None:
        self.rows: Sequence[list[str]] = list(islice(table.rows(), SAMPLE))
        self._table = table

    def present(self, column: str) -> list[str]:
        place = self._table.place_of(column)
        return [row[place] for row in self.rows if row[place] not in MISSING]

    def labelled(self, label: str, entity: str | None) -> tuple[list[str], list[str | None]]:
        """The labels that are there, as classes are written, and whose they are."""
        place, whose = self._table.place_of(label), None if entity is None else self._table.place_of(entity)
        rows = [row for row in self.rows if row[place] not in MISSING]
        return [class_of(row[place]) for row in rows], [None if whose is None else row[whose] for row in rows]

    def times(self, column: str) -> list[datetime]:
        return [time for text in self.present(column) if (time := read_time(text, UTC))]

    def is_rising_time(self, column: str) -> bool:
        place = self._table.place_of(column)
        if read_time(self.rows[0][place], UTC) is None:
            return False
        times = self.times(column)
        return len(times) == len(self.rows) and all(a <= b for a, b in pairwise(times))

    def horizon(self, time: str | None) -> timedelta:
        """Long enough for labels that come thousands of rows late."""
        times = self.times(time) if time else []
        if len(times) < 2:
            return SHORTEST_HORIZON
        step = min(LONGEST_HORIZON / HORIZON_ROWS, (times[-1] - times[0]) / (len(times) - 1))
        return max(SHORTEST_HORIZON, HORIZON_ROWS * step)


def _field(values: Sequence[str], rows: int, *, is_entity: bool) -> dict[str, Any]:
    distinct = set(values)
    if is_entity:
        return {"type": "category", "missing": "refuse", "feature": len(distinct) <= MOST_ENTITY_CATEGORIES}
    numbers = _numbers(values)
    if numbers:
        return {"type": "number", "min": min(numbers), "max": max(numbers)}
    if len(distinct) > max(LISTED_CATEGORIES, rows / 2) or not distinct:
        return {"type": "category", "feature": False}  # a name for each row, or nothing at all
    listed = {"categories": sorted(distinct)} if len(distinct) <= LISTED_CATEGORIES else {}
    return {"type": "category", **listed}


def _numbers(values: Sequence[str]) -> list[float]:
    """The values as finite numbers, none when one of them is no such number."""
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return []
    return numbers if all(abs(number) < float("inf") for number in numbers) else []


def _task(labels: Sequence[str]) -> str:
    distinct = {class_of(value) for value in labels}
    if len(distinct) == 2:
        return "binary"
    numbers = _numbers(sorted(distinct))
    codes = len(distinct) <= MOST_CODES and all(number.is_integer() for number in numbers)
    return "multiclass" if not numbers or codes else "regression"


def _label(name: str, labels: Sequence[str], task: str) -> dict[str, Any]:
    if task == "regression":
        return {"name": name, "prior": float(median(_numbers(labels)))}
    counts = Counter(class_of(value) for value in labels)
    classes = sorted(counts)
    prior = {label: round(counts[label] / len(labels), 6) for label in classes}
    opened = {"new_classes": "accept"} if task == "multiclass" else {}
    return {"name": name, "classes": classes, **opened, "prior": prior}


def class_of(text: str) -> str:
    """A class as files write it, in its canonical form: `1.0` is `1`."""
    try:
        return canonical_class(float(text))
    except ValueError:
        return text


def _time(times: Sequence[datetime], column: str) -> dict[str, Any]:
    parts = ["weekday", "yearday"]
    if len({(time.hour, time.minute) for time in times}) > 1:
        parts.insert(0, "hour")
    return {"column": column, "zone": "UTC", "parts": parts}


def _duration(length: timedelta) -> str:
    """ISO 8601, in whole days."""
    return f"P{-(-length // timedelta(days=1))}D"


def _stream_name(path: Path) -> str:
    bare = path.name.split(".")[0].lower()
    slug = re.sub(r"[^a-z0-9]+", "-", bare).strip("-")[:40]
    return slug if slug[:1].isalpha() else f"stream-{slug}".strip("-")
