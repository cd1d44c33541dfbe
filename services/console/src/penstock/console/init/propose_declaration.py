"""A first declaration of a stream from a sample of its file, good enough to run as it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import Any

from penstock.console.cell_values import MISSING, parse_class, parse_number, parse_time
from penstock.console.failure import wrong_input
from penstock.console.init.propose_lag_features import propose_lag_features
from penstock.console.table_file import Table
from penstock.contracts.declaration.stream_file import write_declaration

SAMPLE_ROWS = 20_000
MAX_LISTED_CATEGORIES = 50
MAX_INTEGER_CLASSES = 20  # whole numbers with up to so many distinct values are classes
MAX_ENTITY_CATEGORIES = 200  # an entity with more values has too few rows of each to be a feature
HORIZON_ROWS = 5000
SHORTEST_HORIZON = timedelta(days=30)
LONGEST_HORIZON = timedelta(days=36_500)


def propose_declaration(table: Table, label: str | None, entity: str | None) -> str:
    """The text of a `stream.toml` for a file.

    Args:
        table: the file.
        label: the column with the label; None: the last column.
        entity: the column with the entity; None: the stream has none, it is never guessed.

    Returns:
        A declaration in TOML. A column of rising dates is the time.

    Raises:
        ConsoleFailure: the file has no such column, or nothing to learn from.
    """
    sample = _Sample(table)
    label = label or table.columns[-1]
    table.column_index(label)
    if entity is not None:
        table.column_index(entity)
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
            "label": _label(label, labels, task) | {"horizon": _iso_days(sample.horizon(time))},
            "lags": _lags(sample, label, entity, task),
            "time": _time(sample.times(time), time) if time else {},
            "fields": fields,
        }
    )


class _Sample:
    """The first rows of a file."""

    def __init__(self, table: Table) -> None:
        self.rows: Sequence[list[str]] = list(islice(table.rows(), SAMPLE_ROWS))
        self._table = table

    def present(self, column: str) -> list[str]:
        """The values of a column without the missing ones."""
        index = self._table.column_index(column)
        return [row[index] for row in self.rows if row[index] not in MISSING]

    def labels_and_entities(self, label: str, entity: str | None) -> tuple[list[str], list[str | None]]:
        """The labels of the labelled rows, as classes, and the entity of each."""
        label_index = self._table.column_index(label)
        entity_index = None if entity is None else self._table.column_index(entity)
        rows = [row for row in self.rows if row[label_index] not in MISSING]
        entities = [None if entity_index is None else row[entity_index] for row in rows]
        return [parse_class(row[label_index]) for row in rows], entities

    def times(self, column: str) -> list[datetime]:
        """The values of a column that are times."""
        return [time for text in self.present(column) if (time := parse_time(text, UTC))]

    def is_rising_time(self, column: str) -> bool:
        """Whether every value of a column is a time, and none is before the one above it."""
        index = self._table.column_index(column)
        if parse_time(self.rows[0][index], UTC) is None:
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
        return {"type": "category", "missing": "refuse", "feature": len(distinct) <= MAX_ENTITY_CATEGORIES}
    numbers = _numbers(values)
    if numbers:
        return {"type": "number", "min": min(numbers), "max": max(numbers)}
    if len(distinct) > max(MAX_LISTED_CATEGORIES, rows / 2) or not distinct:
        return {"type": "category", "feature": False}  # nearly every row has another value, or none has one
    categories = {"categories": sorted(distinct)} if len(distinct) <= MAX_LISTED_CATEGORIES else {}
    return {"type": "category", **categories}


def _numbers(values: Sequence[str]) -> list[float]:
    """The values as numbers; empty if one of them is not a finite number."""
    numbers = [number for value in values if (number := parse_number(value)) is not None]
    return numbers if len(numbers) == len(values) else []


def _task(labels: Sequence[str]) -> str:
    distinct = {parse_class(value) for value in labels}
    if len(distinct) == 2:
        return "binary"
    numbers = _numbers(sorted(distinct))
    are_codes = len(distinct) <= MAX_INTEGER_CLASSES and all(number.is_integer() for number in numbers)
    return "multiclass" if not numbers or are_codes else "regression"


def _label(name: str, labels: Sequence[str], task: str) -> dict[str, Any]:
    if task == "regression":
        return {"name": name, "prior": float(median(_numbers(labels)))}
    counts = Counter(parse_class(value) for value in labels)
    classes = sorted(counts)
    prior = {label: round(counts[label] / len(labels), 6) for label in classes}
    new_classes = {"new_classes": "accept"} if task == "multiclass" else {}
    return {"name": name, "classes": classes, **new_classes, "prior": prior}


def _lags(sample: _Sample, label: str, entity: str | None, task: str) -> dict[str, Any]:
    labels, entities = sample.labels_and_entities(label, entity)
    lags, mean = propose_lag_features(labels, entities, numbers=task == "regression")
    return {"label": list(lags), "mean": mean} if lags else {}


def _time(times: Sequence[datetime], column: str) -> dict[str, Any]:
    parts = ["weekday", "yearday"]
    if len({(time.hour, time.minute) for time in times}) > 1:
        parts.insert(0, "hour")
    return {"column": column, "zone": "UTC", "parts": parts}


def _iso_days(length: timedelta) -> str:
    """An ISO 8601 duration, in whole days."""
    return f"P{-(-length // timedelta(days=1))}D"


def _stream_name(path: Path) -> str:
    stem = path.name.split(".")[0].lower()
    slug = re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:40]
    return slug if slug[:1].isalpha() else f"stream-{slug}".strip("-")
