"""A first declaration of a stream from its file, good enough to run as it is, and what was found on the way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from penstock.console.failure import wrong_input
from penstock.console.init.choose_label import choose_label
from penstock.console.init.choose_time import choose_time, propose_horizon, propose_time, rows_without_time
from penstock.console.init.column_notes import absence_notes, field_notes, knowledge_notes, late_notes, reading_notes
from penstock.console.init.identifiers import LabelledColumn, NumberUse, number_use
from penstock.console.init.label_knowledge import Knowledge, knowledge_of_class, knowledge_of_number
from penstock.console.init.proposal import Choices, ColumnProposal, HistoryKey, Proposal
from penstock.console.init.propose_field import propose_entity_field, propose_field
from penstock.console.init.propose_history_keys import KeyColumn, propose_history_keys
from penstock.console.init.propose_label import (
    class_counts,
    label_notes,
    positive_class,
    propose_label,
    propose_objective,
    propose_task,
)
from penstock.console.init.propose_lag_features import propose_lag_features
from penstock.console.init.sample import read_sample
from penstock.console.table.column_profile import ColumnProfile
from penstock.console.table.kept_texts import label_profile
from penstock.console.table.table import Table
from penstock.console.table.value_counts import MOST_DISTINCT
from penstock.contracts.declaration.value_grammar import is_field_name

FIRST_ROWS = 20_000  # that ranges and categories are taken from, so that later values are seen to be new
NO_CHOICES = Choices()
NO_NAME = "rename it, a field's name has no quotation mark and no backslash"


def propose_declaration(table: Table, choices: Choices = NO_CHOICES) -> Proposal:
    """What a file shows of its stream.

    Types, classes and times come from all rows, ranges and categories from the first 20,000; whatever uses the label
    comes from the first tenth of the rows, since the rest is scored. Whether the values of a column come again shows
    there, too, counted on to how many rows there are.

    Raises:
        ConsoleFailure: the file lacks a column that was named, or has nothing to learn from.
    """
    for name in (choices.entity, choices.id):
        if name is not None:
            table.column_index(name)
    taken = [name for name in (choices.entity, choices.time, choices.id) if name is not None]
    if len(set(taken)) < len(taken):
        raise wrong_input(f"{table.path}: --entity, --time and --id name one column each, another one")
    label, reason = choose_label(table, choices.label, taken)
    return _Proposer(table, choices, label).proposal(reason)


class _Proposer:
    """Proposes a declaration for a file whose label is known."""

    def __init__(self, table: Table, choices: Choices, label: str) -> None:
        self._table, self._choices = table, choices
        self._label = label_profile(table.profiles[label])
        self._classes = class_counts(self._label)
        self._task = propose_task(table.path, self._label, self._classes)
        taken = [name for name in (label, choices.entity, choices.id) if name is not None]
        self._time = choose_time(table, choices.time, taken)
        self._sample = read_sample(table, self._label)
        self._copies: set[str] = set()
        self._first = (table.first(FIRST_ROWS) if table.count() > FIRST_ROWS else table).profiles

    def proposal(self, label_reason: str) -> Proposal:
        columns = tuple(self._column(self._table.profiles[name]) for name in self._table.columns)
        fields = [column.field for column in columns if column.field]
        if not fields or not (self._time or any(field.get("feature", True) for field in fields)):
            raise wrong_input(
                f"{self._table.path}: no column beside the label {self._label.name!r} has anything to learn from"
            )
        keys = self._history_keys(columns)
        columns = tuple(
            _as_key(column) if any(column.name in key.columns for key in keys) else column for column in columns
        )
        return Proposal(
            path=self._table.path,
            rows=self._table.count(),
            choices=self._choices,
            columns=columns,
            document=self._document(keys),
            label_reason=label_reason,
            positive=positive_class(self._classes) if self._task == "binary" else "",
            history_keys=keys,
        )

    def _document(self, keys: tuple[HistoryKey, ...]) -> dict[str, dict[str, Any]]:
        entity, table = self._choices.entity, self._table
        horizon = propose_horizon(table.profiles[self._time] if self._time else None)
        stream = {"name": _stream_name(table.path), "task": self._task}
        label = propose_label(self._label, self._classes, self._sample.labels, self._task)
        return {
            "stream": stream | ({"entity": entity} if entity else {}),
            "label": label | {"horizon": _iso_days(horizon)},
            "objective": propose_objective(self._classes, self._task),
            "lags": self._lags(),
            "history": {"keys": [_declared_key(key) for key in keys]} if keys else {},
            "time": propose_time(table, self._time) if self._time else {},
        }

    def _column(self, profile: ColumnProfile) -> ColumnProposal:
        name = profile.name
        if name == self._label.name:
            notes = [*label_notes(self._label, self._classes, self._task), *reading_notes(self._label)]
            return _column(self._label, "label", self._task, notes)
        if name == self._choices.id:
            return _column(profile, "id", "category", ["send it as the event's id; a replay makes its own"])
        if name == self._time:
            notes = [*late_notes(profile), *absence_notes(rows_without_time(profile)), *reading_notes(profile)]
            return _column(profile, "time", "time", notes)
        if name == self._choices.entity:
            field = propose_entity_field(profile)
            notes = [*absence_notes(profile.missing), *reading_notes(profile)]
            return _column(profile, "entity", field["type"], notes, field)
        return self._field(profile)

    def _field(self, profile: ColumnProfile) -> ColumnProposal:
        use = self._number_use(profile)
        field = propose_field(profile, self._first[profile.name], use)
        if not is_field_name(profile.name):
            notes = [f"{NO_NAME}: no field", *reading_notes(profile)]
            return _column(profile, "left out", field["type"], notes)
        knowledge = self._knowledge(profile)
        notes = [*field_notes(profile, field, use), *knowledge_notes(knowledge), *reading_notes(profile)]
        if knowledge and knowledge.is_copy:
            self._copies.add(profile.name)
            field |= {"feature": False}
        return _column(profile, "field" if field.get("feature", True) else "left out", field["type"], notes, field)

    def _knowledge(self, profile: ColumnProfile) -> Knowledge | None:
        values = self._sample.texts(profile.name)
        numbers = self._sample.numbers(profile) if profile.number_format is not None else None
        if self._task == "regression":
            return knowledge_of_number(values, numbers, self._sample.label_numbers())
        return knowledge_of_class(values, numbers, self._sample.labels)

    def _number_use(self, profile: ColumnProfile) -> NumberUse:
        sample = self._sample
        numbers, texts = sample.numbers(profile), sample.texts(profile.name)
        return number_use(profile, LabelledColumn(texts, numbers, sample.labels, self._task == "regression"))

    def _history_keys(self, columns: tuple[ColumnProposal, ...]) -> tuple[HistoryKey, ...]:
        candidates = [
            self._key_column(self._table.profiles[column.name], is_name=column.type == "category")
            for column in columns
            if column.field and column.name not in self._copies
        ]
        labels, is_regression = self._sample.labels, self._task == "regression"
        found = [column for column in candidates if column is not None]
        return propose_history_keys(found, labels, numbers=is_regression, rows=self._table.count())

    def _key_column(self, profile: ColumnProfile, *, is_name: bool) -> KeyColumn | None:
        if profile.kind not in ("text", "integer"):
            return None
        numbers = self._sample.numbers(profile) if profile.number_format is not None else None
        return KeyColumn(profile.name, self._sample.texts(profile.name), numbers, is_name)

    def _lags(self) -> dict[str, Any]:
        entity, labels = self._choices.entity, self._sample.labels
        if not labels:
            return {}
        entities = self._sample.texts(entity) if entity else [None] * len(labels)
        lags, mean = propose_lag_features(labels, entities, numbers=self._task == "regression")
        return {"label": list(lags), "mean": mean} if lags else {}


def _as_key(column: ColumnProposal) -> ColumnProposal:
    """The column as a field that may be a key: its numbers are whole."""
    if column.type != "number":
        return column
    return replace(column, type="integer", field=column.field | {"type": "integer"})


def _declared_key(key: HistoryKey) -> str | list[str]:
    return key.columns[0] if len(key.columns) == 1 else list(key.columns)


def _column(
    profile: ColumnProfile, role: Any, column_type: str, notes: list[str], field: Mapping[str, Any] | None = None
) -> ColumnProposal:
    capped = profile.distinct > MOST_DISTINCT
    return ColumnProposal(
        name=profile.name,
        role=role,
        type=column_type,
        missing=profile.missing / profile.rows if profile.rows else 0.0,
        distinct=min(profile.distinct, MOST_DISTINCT),
        capped=capped,
        notes=tuple(notes),
        field=dict(field or {}),
    )


def _iso_days(length: timedelta) -> str:
    """An ISO 8601 duration, in whole days."""
    return f"P{-(-length // timedelta(days=1))}D"


def _stream_name(path: Path) -> str:
    stem = path.name.split(".")[0].lower()
    slug = re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:40]
    return slug if slug[:1].isalpha() else f"stream-{slug}".strip("-")
