"""The rows of the table of bad inputs: each names itself in the id of the test that tries it.

A row is a test function `test_h33_…`, or an entry "H1 NaN" of a mapping given to `rows`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import pytest

NUMBERS = {
    "H": "1 2 3 4 6 7 8 9 10 11 12 14 15 16 17 18 20 21 22 24 25 26 27 28 30 31 32 33 34 35 37 38 40",
    "K": "1 2 3 4 5 6 7 9 10 11 12 13 15",
    "S": "1 2 3 5 6 7 8 9 11 12 13 14",
    "C": "1 2 3 4 5 6 8 9 11 12 13 14 15",
    "A": "1 2 3 4 5 6 7 8 10 11 12 13 15",
    "R": "1 2 3 4 5 6 7 8 9 11 13 14",
}
"""HTTP events, Kafka messages, stream declarations, CSV and other tables, artifacts, the registry's API."""
ROWS = tuple(f"{surface}{number}" for surface, numbers in NUMBERS.items() for number in numbers.split())


def rows(inputs: Mapping[str, Any]) -> pytest.MarkDecorator:
    """Run a test for each row; its argument `row` is what the mapping has under the row's name."""
    return pytest.mark.parametrize("row", [pytest.param(value, id=name) for name, value in inputs.items()])


def rows_of(module: ModuleType) -> Iterator[str]:
    """The rows that a module's tests try, each as often as it is tried."""
    for name, test in vars(module).items():
        if match := re.match(r"test_([a-z]\d+)_", name):
            yield match[1].upper()
        for mark in getattr(test, "pytestmark", []) if name.startswith("test_") else ():
            if mark.name == "parametrize" and mark.args[0] == "row":
                yield from (str(value.id).split()[0] for value in mark.args[1])
