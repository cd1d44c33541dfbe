"""The names of a file's columns: each there once, on one line."""

from __future__ import annotations

import re

from penstock.console.failure import wrong_input
from penstock.contracts.declaration.stream import COLUMN_PATTERN


def check_columns(where: str, columns: tuple[str, ...]) -> None:
    """Refuse names that a declaration cannot name; `where` begins the message.

    Raises:
        ConsoleFailure: a name is empty, twice there, longer than 200 characters, or holds a control character.
    """
    for index, name in enumerate(columns):
        if not name:
            raise wrong_input(f"{where}: column {index + 1} has no name")
        if name in columns[:index]:
            raise wrong_input(f"{where}: the header names {name!r} twice")
        if not re.fullmatch(COLUMN_PATTERN, name):
            raise wrong_input(
                f"{where}: the name of column {index + 1}, {name[:40]!r}, has a line break, another control character, "
                "or more than 200 characters; rename it"
            )


def numbers_for_names(columns: tuple[str, ...]) -> bool:
    """Whether every name is a number: then the header is missing."""
    return all(re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan|inf", name) for name in columns)
