"""The check of declared fields, a column at a time: whole numbers, and numbers within their range.

Types, missing values, categories and the bounds of all numbers are checked while an event is decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.columns import columns_of
from penstock.contracts.declaration.stream import Declaration, FieldDeclaration
from penstock.contracts.input_bounds import LARGEST_INTEGER
from penstock.contracts.records.events import Event
from penstock.contracts.refusals import Refusal


def check_fields(declaration: Declaration, events: Sequence[Event[Any]]) -> dict[int, Refusal]:
    """The refusals among `events` for a value of a field, by index: the first field in declared order counts."""
    refusals: dict[int, Refusal] = {}
    checked = [name for name, field in declaration.fields.items() if _is_checked(field)]
    columns = columns_of(declaration, [event.data for event in events], checked) if checked else {}
    for name in checked:
        for mask, code, detail in field_violations(declaration.fields[name], columns[name]):
            for index in np.flatnonzero(mask).tolist():
                refusals.setdefault(index, Refusal(code, detail, name))
    return refusals


def _is_checked(field: FieldDeclaration) -> bool:
    bounded = field.min is not None or field.max is not None
    return field.type == "integer" or (field.type == "number" and field.outside == "refuse" and bounded)


def field_violations(field: FieldDeclaration, column: NDArray[Any]) -> list[tuple[NDArray[Any], str, str]]:
    """For each rule of the field: which values of the column break it, with the code and the detail of the refusal."""
    violations: list[tuple[NDArray[Any], str, str]] = []
    if field.type == "integer":
        whole = np.isnan(column) | (column == np.floor(column)) & (np.abs(column) <= LARGEST_INTEGER)
        violations.append((~whole, "wrong_type", "expected a whole number"))
    if field.type in ("number", "integer") and field.outside == "refuse":
        if field.min is not None:
            violations.append((column < field.min, "out_of_range", f"expected at least {field.min:g}"))
        if field.max is not None:
            violations.append((column > field.max, "out_of_range", f"expected at most {field.max:g}"))
    return violations
