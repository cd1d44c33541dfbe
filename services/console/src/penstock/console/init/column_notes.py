"""What a person should know of a column, a few words each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from penstock.console.init.identifiers import NumberUse, looks_like_id
from penstock.console.init.label_knowledge import Knowledge
from penstock.console.init.sample import unreadable_texts
from penstock.console.table.column_profile import ColumnProfile
from penstock.contracts.declaration.stream_file import one_line

SHOWN_EXCEPTIONS = 2
SHOWN_TEXTS = 3


def reading_notes(profile: ColumnProfile) -> list[str]:
    """How the cells of a column are read: codes, formats, missing values and exceptions."""
    return [*_format_notes(profile), *_missing_notes(profile), *_exception_notes(profile)]


def field_notes(profile: ColumnProfile, field: Mapping[str, Any], use: NumberUse = "measure") -> list[str]:
    """What a column is worth as a field declared so; `use` is that of numbers."""
    as_text = ["repeating codes, kept as text"] if use == "code" else []
    return as_text + list(_worth_notes(profile, use, is_feature=field.get("feature", True)))


def knowledge_notes(knowledge: Knowledge | None) -> list[str]:
    """What it means that a column knows the label."""
    if knowledge is None:
        return []
    if knowledge.is_copy:
        return ["knows the label: a copy of it, so no feature"]
    return [f"knows the label ({knowledge.score:.1%}): known before it?"]


def late_notes(profile: ColumnProfile) -> list[str]:
    """How many rows have a time before that of an earlier row."""
    return [f"{profile.late:,} rows late: replayed in file order"] if profile.late else []


def absence_notes(rows: int) -> list[str]:
    """How many rows lack what every event must have."""
    return [f"{rows:,} rows without it are refused"] if rows else []


def quoted(text: str, length: int = 20) -> str:
    """A text of the file on one line, in quotes.

    >>> quoted("a long and winding text"), quoted("short")
    ('"a long and winding …"', '"short"')
    """
    line = one_line(text)
    short = line if len(line) <= length else line[: length - 1] + "…"
    return '"' + short + '"'


def _worth_notes(profile: ColumnProfile, use: NumberUse, *, is_feature: bool) -> Iterator[str]:
    if not profile.distinct or profile.kind == "empty":
        yield "empty: no feature"
    elif profile.distinct == 1 and not profile.missing:
        yield "constant"
    elif use == "row number":
        yield "grows with every row, as row numbers do: no feature"
    elif looks_like_id(profile):
        yield "looks like an id" + ("" if is_feature else ": no feature")
    elif profile.kind == "time":
        late = "" if profile.rising else f", {profile.late:,} rows late"
        yield f"times{late}: --time takes them" + ("" if is_feature else "; no feature")
    elif not is_feature:
        yield "nearly every row another value: no feature"


def _format_notes(profile: ColumnProfile) -> Iterator[str]:
    if profile.codes:
        yield f"codes, kept as text ({profile.codes[:40]})"
    elif profile.merged:
        first, second = profile.merged[0]
        yield f"{quoted(first)} and {quoted(second)} kept apart"
    if profile.number_format is not None and profile.number_format.unit:
        yield f"in {profile.number_format.unit}"
    if profile.number_format is not None and profile.number_format.decimal == ",":
        yield "decimal commas"
    if profile.ambiguous:
        written = f"{profile.time_format}; " if profile.time_format else ""
        yield f"{written}could be {profile.ambiguous}"


def _missing_notes(profile: ColumnProfile) -> Iterator[str]:
    taken = dict(profile.missing_texts) | {text: profile.disguised[text] for text in unreadable_texts(profile)}
    if taken:
        yield f"missing: {_counted(taken)}"
    if profile.kept_texts:
        yield f"a value, not missing: {_counted(profile.kept_texts)}"
    maybe = {text: count for text, count in profile.disguised.items() if text not in taken}
    if maybe:
        yield f"may be missing: {_counted(maybe)}"


def _exception_notes(profile: ColumnProfile) -> Iterator[str]:
    if not profile.exception_count:
        return
    shown = profile.exceptions[:SHOWN_EXCEPTIONS]
    cells = ", ".join(f"line {cell.line} (row {cell.row}): {quoted(cell.text)}" for cell in shown)
    rest = profile.exception_count - len(shown)
    yield f"refused: {cells}" + (f", {rest:,} more" if rest else "")


def _counted(texts: Mapping[str, int]) -> str:
    shown = [f"{quoted(text)} {count:,} times" for text, count in list(texts.items())[:SHOWN_TEXTS]]
    return ", ".join(shown) + (", …" if len(texts) > SHOWN_TEXTS else "")
