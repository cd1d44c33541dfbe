"""Text of others on a terminal: what would move its cursor or change its colours is shown as an escape."""

from __future__ import annotations

import msgspec

LONGEST = 2000  # characters


def printable(text: str, longest: int = LONGEST) -> str:
    r"""The text with unprintable characters escaped, cut to so many characters.

    >>> printable("caf\u00e9\x1b[31m\n")
    'café\\x1b[31m\n'
    """
    shown = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text[:longest])
    return shown if len(text) <= longest else f"{shown}... ({len(text):,} characters)"


def readable(content: bytes | None) -> str:
    r"""Bytes as indented JSON, as text, or with what is no UTF-8 as escapes.

    >>> print(readable(bytes([255]) + b'{"a": 1.50'))
    \xff{"a": 1.50
    """
    if content is None:
        return "(null)"
    try:
        msgspec.json.decode(content)
        return msgspec.json.format(content, indent=2).decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return content.decode("utf-8", "backslashreplace")
