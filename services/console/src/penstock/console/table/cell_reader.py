"""Cells as values of a declared field, label or time: each read as its whole column is written."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, tzinfo
from math import isfinite, isnan
from typing import Any
from zoneinfo import ZoneInfo

from penstock.console.table.column_profile import ColumnProfile
from penstock.console.table.missing_values import field_missing_texts, label_missing_test, missing_test
from penstock.console.table.number_format import NumberFormat
from penstock.console.table.number_names import canonical_text
from penstock.console.table.time_format import epoch_time, parse_time
from penstock.contracts.declaration.stream import Declaration, TimeFormat
from penstock.contracts.label_values import canonical_class

ReadCell = Callable[[Any], Any]
"""From a cell to the value that is sent; None where it is missing."""

BOOLEANS = {"true": True, "1": True, "yes": True, "t": True, "y": True} | {
    "false": False, "0": False, "no": False, "f": False, "n": False
}  # fmt: skip
_TRUTHS = {"true", "false"}


def field_reader(declaration: Declaration, name: str, profile: ColumnProfile) -> ReadCell:
    """What reads the cells of a field. What it cannot read it leaves as it is, for the validator to refuse."""
    field = declaration.fields[name]
    missing_texts = field_missing_texts(declaration, name)
    match field.type:
        case "category":
            return category_reader(field.categories, missing_texts)
        case "boolean":
            return _boolean_reader(missing_texts)
        case _:
            return _number_reader(profile.number_format or NumberFormat(), missing_texts)


def label_reader(declaration: Declaration, profile: ColumnProfile) -> ReadCell:
    """What reads the labels: classes as they are named, or numbers, NaN where a cell is no finite number."""
    is_missing = label_missing_test(declaration)
    if declaration.task == "regression":
        read = _number_reader(profile.number_format or NumberFormat(), ())
        return lambda cell: _number_label(cell, is_missing, read)
    name = class_namer(declaration.label.classes, profile)
    return lambda cell: None if cell is None or (isinstance(cell, str) and is_missing(cell)) else name(cell)


def class_namer(classes: Collection[str], profile: ColumnProfile) -> Callable[[Any], str]:
    """What names the class of a cell: its text if it is one of `classes`, else its canonical form.

    Where numbers are codes, or two texts of the column would get one name, each text is its own class.
    """
    exact = bool(profile.codes or profile.merged)
    number_format = profile.number_format

    def name(cell: Any) -> str:
        if not isinstance(cell, str):
            return _text(cell)
        if cell in classes:
            return cell
        lower = cell.lower()
        canonical = lower if lower in _TRUTHS else canonical_text(cell)
        if number_format and canonical == cell and not _is_python_number(cell):  # with separators, or a unit
            number = number_format.parse(cell)
            canonical = cell if number is None else canonical_class(number)
        return cell if exact and canonical not in classes else canonical

    return name


def _is_python_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def time_reader(declaration: Declaration, profile: ColumnProfile) -> Callable[[Any], datetime | None]:
    """What reads the times of the declared column, as declared or as the whole column shows; None for other cells."""
    time_format: TimeFormat = declaration.time.format or profile.time_format or "iso"
    zone = ZoneInfo(declaration.time.zone)

    def read(cell: Any) -> datetime | None:
        if isinstance(cell, str):
            return parse_time(cell, time_format, zone)
        return _typed_time(cell, time_format, zone)

    return read


def _typed_time(cell: Any, time_format: TimeFormat, zone: tzinfo) -> datetime | None:
    if isinstance(cell, datetime):
        return cell if cell.tzinfo else cell.replace(tzinfo=zone)
    if isinstance(cell, int | float) and not isinstance(cell, bool) and time_format.startswith(("epoch", "yyyymmdd")):
        return epoch_time(cell, time_format)
    return None


def category_reader(categories: Collection[str], missing_texts: Collection[str]) -> ReadCell:
    """What reads the cells of a category: as one of those listed, where it is one written otherwise."""
    is_missing = missing_test(missing_texts, categories)
    listed = frozenset(categories)

    def read(cell: Any) -> str | None:
        if cell is None:
            return None
        text = cell if isinstance(cell, str) else _text(cell)
        if text in listed:
            return text
        if is_missing(text):
            return None
        if listed and (canonical := canonical_text(text)) in listed:
            return canonical
        return text

    return read


def _text(cell: Any) -> str:
    return cell.isoformat() if isinstance(cell, datetime) else canonical_class(cell)


def _boolean_reader(missing_texts: Collection[str]) -> ReadCell:
    is_missing = missing_test(missing_texts)

    def read(cell: Any) -> Any:
        if isinstance(cell, str):
            return None if is_missing(cell) else BOOLEANS.get(cell.strip().lower(), cell)
        if isinstance(cell, int | float) and cell in (0, 1):
            return bool(cell)
        return cell.isoformat() if isinstance(cell, datetime) else cell

    return read


def _number_reader(number_format: NumberFormat, missing_texts: Collection[str]) -> ReadCell:
    is_missing = missing_test(missing_texts)
    parse = number_format.parse
    missing_numbers = {number for text in missing_texts if (number := parse(text)) is not None}

    def read(cell: Any) -> Any:
        if isinstance(cell, str):
            number = parse(cell)
            if number is None:
                return None if is_missing(cell) else cell
        elif isinstance(cell, float):
            if not isfinite(cell):
                return None if isnan(cell) else str(cell)
            number = cell
        elif isinstance(cell, int) and not isinstance(cell, bool):
            number = cell
        else:
            return cell.isoformat() if isinstance(cell, datetime) else cell
        return None if number in missing_numbers else number

    return read


def _number_label(cell: Any, is_missing: Callable[[str], bool], read: ReadCell) -> float | None:
    if cell is None or (isinstance(cell, str) and is_missing(cell)):
        return None
    value = read(cell)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
