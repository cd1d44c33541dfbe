"""Keys that a JSON object names twice, which parsers resolve in different ways."""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"(\s*:)?')


def has_duplicate_key(body: bytes, document: Any) -> bool:
    """Whether an object in the JSON text `body` names a key twice: the text has more keys than the parsed `document`.

    >>> has_duplicate_key(b'{"a": 1, "a": 2}', {"a": 2})
    True
    """
    return count_written_keys(body) != count_keys(document)


def count_written_keys(body: bytes) -> int:
    """The keys in a JSON text, each as often as it is written."""
    return sum(1 for colon in _TOKEN.findall(body) if colon)


def count_keys(document: Any) -> int:
    if isinstance(document, dict):
        return len(document) + sum(count_keys(value) for value in document.values())
    if isinstance(document, list):
        return sum(count_keys(item) for item in document)
    return 0
