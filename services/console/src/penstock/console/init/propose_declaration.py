"""A first declaration of a stream from a sample of its file, good enough to run as it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from penstock.console.failure import wrong_input
from penstock.console.init.propose_lag_features import propose_lag_features
from penstock.console.table.cell_reader import class_namer
from penstock.console.table.column_profile import ColumnProfile
from penstock.console.table.kept_texts import label_profile
from penstock.console.table.missing_values import missing_test
from penstock.console.table.table import Table
from penstock.console.table.time_format import parse_time
from penstock.contracts.declaration.stream import MISSING_TEXTS
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
    label = label or table.columns[-1]
    table.column_index(label)
    if entity is not None:
        table.column_index(entity)
    sample = _Sample(table, label)
    time = next((name for name in table.columns if name != label and _is_time(table.profiles[name])), None)
    fields = {
        name: _field(table.profiles[name], sample.profiles[name], is_entity=name == entity)
        for name in table.columns
        if name not in (label, time)
    }
    labels = sample.labels()
    if not labels:
        raise wrong_input(f"{table.path}: the label {label!r} is missing in every row of the sample")
    if not fields or not (time or any(field.get("feature", True) for field in fields.values())):
        raise wrong_input(f"{table.path}: no column beside the label {label!r} has anything to learn from")
    task = _task(sample.label, labels)
    stream: dict[str, Any] = {"name": _stream_name(table.path), "task": task}
    if entity is not None:
        stream["entity"] = entity
    return write_declaration(
        {
            "stream": stream,
            "label": _label(sample.label, labels, task) | {"horizon": _iso_days(sample.horizon(time))},
            "lags": _lags(sample, entity, task),
            "time": _time(sample, time) if time else {},
            "fields": fields,
        }
    )


class _Sample:
    """The first rows of a file. Their values are read as the whole columns are written."""

    def __init__(self, table: Table, label: str) -> None:
        self.rows: Sequence[list[Any]] = list(islice(table.rows(), SAMPLE_ROWS))
        self.profiles = table.first(SAMPLE_ROWS).profiles
        self.label = label_profile(table.profiles[label])
        self._table = table

    def labels(self) -> list[str]:
        """The labels of the labelled rows, as classes or as numbers."""
        return [name for name, _ in self._labelled(None)]

    def labels_and_entities(self, entity: str | None) -> tuple[list[str], list[str | None]]:
        """The labels of the labelled rows, and the entity of each."""
        labelled = self._labelled(entity)
        return [name for name, _ in labelled], [value for _, value in labelled]

    def _labelled(self, entity: str | None) -> list[tuple[str, str | None]]:
        index = self._table.column_index(self.label.name)
        entity_index = None if entity is None else self._table.column_index(entity)
        is_missing = missing_test(self.label.missing_texts)
        name, number_format = class_namer((), self.label), self.label.number_format
        found = []
        for row in self.rows:
            cell = row[index]
            if cell is None or (isinstance(cell, str) and is_missing(cell)):
                continue
            if number_format and isinstance(cell, str) and number_format.parse(cell) is None:
                continue  # an exception, or a missing value in disguise
            found.append((name(cell), None if entity_index is None else str(row[entity_index])))
        return found

    def times(self, column: str) -> list[datetime]:
        """The values of a column that are times."""
        index, time_format = self._table.column_index(column), self._table.profiles[column].time_format or "iso"
        cells = [row[index] for row in self.rows]
        return [
            time for cell in cells
            if (time := cell if isinstance(cell, datetime) else parse_time(str(cell), time_format, UTC))
        ]  # fmt: skip

    def horizon(self, time: str | None) -> timedelta:
        """Long enough for labels that come thousands of rows late."""
        times = self.times(time) if time else []
        if len(times) < 2:
            return SHORTEST_HORIZON
        step = min(LONGEST_HORIZON / HORIZON_ROWS, (max(times) - min(times)) / (len(times) - 1))
        return max(SHORTEST_HORIZON, HORIZON_ROWS * step)


def _is_time(profile: ColumnProfile) -> bool:
    return profile.kind == "time" and profile.rising and not profile.missing and not profile.exception_count


def _field(profile: ColumnProfile, sample: ColumnProfile, *, is_entity: bool) -> dict[str, Any]:
    """The declaration of a field: its type from all rows, its range and categories from the sample."""
    if is_entity:
        return {"type": "category", "missing": "refuse", "feature": profile.distinct <= MAX_ENTITY_CATEGORIES}
    if profile.kind == "boolean":
        return {"type": "boolean"}
    if profile.number_format is not None:
        return {"type": "number", **_range(sample), **_missing(profile)}
    if not profile.distinct or sample.distinct > max(MAX_LISTED_CATEGORIES, sample.rows / 2):
        return {"type": "category", "feature": False}  # nearly every row has another value, or none has one
    categories = {"categories": sorted(sample.counts)} if 0 < sample.distinct <= MAX_LISTED_CATEGORIES else {}
    return {"type": "category", **categories, **_missing(profile)}


def _range(sample: ColumnProfile) -> dict[str, Any]:
    if not isinstance(sample.minimum, float) or not isinstance(sample.maximum, float):
        return {}
    return {"min": sample.minimum, "max": sample.maximum}


def _missing(profile: ColumnProfile) -> dict[str, Any]:
    """The texts that stand for missing values, where they are others than usual."""
    texts = [text for text in MISSING_TEXTS if text not in profile.kept_texts]
    if profile.number_format is not None:
        texts += [text for text in profile.disguised if profile.number_format.parse(text) is None]
    return {} if texts == list(MISSING_TEXTS) else {"missing": texts}


def _task(label: ColumnProfile, labels: Sequence[str]) -> str:
    distinct = set(labels)
    if len(distinct) == 2:
        return "binary"
    if label.number_format is None:
        return "multiclass"
    are_codes = len(distinct) <= MAX_INTEGER_CLASSES and label.kind == "integer"
    return "multiclass" if are_codes else "regression"


def _label(label: ColumnProfile, labels: Sequence[str], task: str) -> dict[str, Any]:
    missing = _missing(label) if task == "regression" else {}
    if task == "regression":
        return {"name": label.name, **missing, "prior": float(median(map(float, labels)))}
    counts = Counter(labels)
    classes = sorted(counts)
    prior = {name: round(counts[name] / len(labels), 6) for name in classes}
    new_classes = {"new_classes": "accept"} if task == "multiclass" else {}
    return {"name": label.name, "classes": classes, **new_classes, "prior": prior}


def _lags(sample: _Sample, entity: str | None, task: str) -> dict[str, Any]:
    labels, entities = sample.labels_and_entities(entity)
    lags, mean = propose_lag_features(labels, entities, numbers=task == "regression")
    return {"label": list(lags), "mean": mean} if lags else {}


def _time(sample: _Sample, column: str) -> dict[str, Any]:
    parts = ["weekday", "yearday"]
    if len({(time.hour, time.minute) for time in sample.times(column)}) > 1:
        parts.insert(0, "hour")
    return {"column": column, "zone": "UTC", "parts": parts}


def _iso_days(length: timedelta) -> str:
    """An ISO 8601 duration, in whole days."""
    return f"P{-(-length // timedelta(days=1))}D"


def _stream_name(path: Path) -> str:
    stem = path.name.split(".")[0].lower()
    slug = re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:40]
    return slug if slug[:1].isalpha() else f"stream-{slug}".strip("-")
