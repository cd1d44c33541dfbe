"""Where a value lies in a message."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

Names = tuple[str, ...]
"""The names, and the indices into lists, that lead to a value."""


def names_of(path: str) -> Names:
    """The names of a path with dots, or of a JSON pointer (RFC 6901).

    >>> names_of("order.total"), names_of("/order.total/a~1b/0")
    (('order', 'total'), ('order.total', 'a/b', '0'))
    """
    if path.startswith("/"):
        return tuple(name.replace("~1", "/").replace("~0", "~") for name in path[1:].split("/"))
    return tuple(path.split("."))


def value_at(document: Any, names: Names) -> Any:
    """The value that the names lead to; `UNSET` where they lead nowhere.

    >>> value_at({"lines": [{"price": 3}]}, ("lines", "0", "price")), value_at({"a": None}, ("a", "b"))
    (3, UNSET)
    """
    for name in names:
        if isinstance(document, dict) and name in document:
            document = document[name]
        elif isinstance(document, list) and name.isascii() and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        else:
            return UNSET
    return document
