"""The names of a file's columns: each there once, on one line."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from penstock.console.failure import wrong_input
from penstock.contracts.declaration.stream import COLUMN_PATTERN

MOST_NAMES = 10  # that a message lists


def check_columns(where: str, columns: tuple[str, ...]) -> None:
    """Refuse names that a declaration cannot name; `where` begins the message.

    Raises:
        ConsoleFailure: a name is empty, twice there, longer than 200 characters, or holds a control character.
    """
    for index, name in enumerate(columns):
        if not name:
            raise wrong_input(f"{where}: column {index + 1} has no name; name it, or remove it from every row")
        if name in columns[:index]:
            raise wrong_input(f"{where}: the header names {name!r} twice")
        if not re.fullmatch(COLUMN_PATTERN, name):
            raise wrong_input(
                f"{where}: the name of column {index + 1}, {name[:40]!r}, has a line break, another control character, "
                "or more than 200 characters; rename it"
            )


_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan|inf")


def numbers_for_names(columns: tuple[str, ...]) -> bool:
    """Whether every name is a number: then the header is missing."""
    return all(_NUMBER.fullmatch(name) for name in columns)


def values_for_names(columns: tuple[str, ...], rows: Collection[Sequence[str]]) -> bool:
    """Whether every name is a number or a value of its column: then the header is missing.

    A row that is the header again, as where files were joined, tells nothing.

    >>> values_for_names(("5.1", "setosa"), [["4.9", "setosa"]]), values_for_names(("id", "2020"), [["7", "1.5"]])
    (True, False)
    """
    stripped = [tuple(cell.strip() for cell in row) for row in rows]
    values = [set(column) for column in zip(*(row for row in stripped if row != columns), strict=True)]
    return bool(values) and all(
        name in found or _NUMBER.fullmatch(name) for name, found in zip(columns, values, strict=True)
    )


def near_names(name: str, columns: Sequence[str]) -> str:
    """Which columns may be meant by a name that none has.

    >>> near_names("Custmer", ["customer", "amount"]), near_names("x", ["a", "b"])
    ('did you mean customer?', 'there are a, b')
    """
    lower = {column.lower(): column for column in columns}
    near = [lower[match] for match in get_close_matches(name.lower(), lower)]
    if near:
        return f"did you mean {' or '.join(near)}?"
    more = f" and {len(columns) - MOST_NAMES} more" if len(columns) > MOST_NAMES else ""
    return f"there are {', '.join(columns[:MOST_NAMES])}{more}"
