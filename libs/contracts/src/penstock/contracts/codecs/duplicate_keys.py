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
    written = sum(1 for colon in _TOKEN.findall(body) if colon)
    return written != _count_keys(document)


def _count_keys(document: Any) -> int:
    if isinstance(document, dict):
        return len(document) + sum(_count_keys(value) for value in document.values())
    if isinstance(document, list):
        return sum(_count_keys(item) for item in document)
    return 0
