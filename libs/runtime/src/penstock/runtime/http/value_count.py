"""How many values a JSON document holds, counted without decoding it: decoding one that is all brackets takes long."""

from __future__ import annotations

MOST_VALUES = 100_000  # of one record: arrays, objects, and what they hold
TOO_MANY_VALUES = f"expected at most {MOST_VALUES} values in a record"
TEXTS_PER_VALUE = 2  # a member's name, and its value
ESCAPES = (b"\\\\", b'\\"')


def has_more_values(document: bytes, most: int) -> bool:
    r"""Whether the document has more than `most` commas and opening brackets outside of texts.

    >>> has_more_values(b'[{"a": "[[["}, 1]', 3), has_more_values(b'[{"a": "[[["}, 1]', 2)
    (False, True)
    >>> has_more_values(b'"\\",,,,"', 1)
    False
    """
    if len(document) <= most or _separators(document) <= most:
        return False
    for escape in ESCAPES:
        document = document.replace(escape, b"")
    if document.count(b'"') > 2 * TEXTS_PER_VALUE * most + 2:
        return True
    return _separators(b"".join(document.split(b'"')[::2])) > most


def _separators(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")
