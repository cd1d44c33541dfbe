"""Which column is taken for the label, unless one is named."""

from __future__ import annotations

from collections.abc import Collection

from penstock.console.failure import wrong_input
from penstock.console.table.column_profile import ColumnProfile
from penstock.console.table.table import Table

LABEL_NAMES = frozenset({"target", "label", "class", "y", "outcome"})
MOST_UNIQUE = 20  # texts that may all differ in a label, as in a file of a few rows


def choose_label(table: Table, named: str | None, taken: Collection[str]) -> tuple[str, str]:
    """The column of the label, and why it is taken for it: empty if it was `named`.

    It is the one column called target, label, class, y or outcome; else the last one that can be a label at all.
    Columns in `taken` have another role.

    Raises:
        ConsoleFailure: there is no such column, or it has another role.
    """
    if named is not None:
        table.column_index(named)
        if named in taken:
            raise wrong_input(f"{table.path}: column {named!r} cannot be the label and something else")
        return named, ""
    free = [name for name in table.columns if name not in taken]
    if not free:
        raise wrong_input(f"{table.path}: no column is left to be the label")
    evident = [name for name in free if name.strip().lower() in LABEL_NAMES]
    if len(evident) == 1:
        return evident[0], "its name says so"
    possible = [name for name in free if _can_be_label(table.profiles[name])] or free
    return possible[-1], "the last column" if possible[-1] == table.columns[-1] else "the last column that can be one"


def _can_be_label(profile: ColumnProfile) -> bool:
    is_name = profile.kind == "text" and profile.unique and profile.values > MOST_UNIQUE
    return profile.kind not in ("time", "empty") and profile.distinct > 1 and not is_name
