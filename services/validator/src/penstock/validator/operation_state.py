"""What the state holds of an operation that was seen, as bytes: when it was first read, and what it stood for."""

from __future__ import annotations

from typing import Literal

Kind = Literal["event", "label"]

KEY: dict[Kind, bytes] = {"event": b"e", "label": b"l"}
"""What a kind's keys begin with; the operation's name follows, so a key is 17 bytes."""

KEY_LENGTH = 17


def seen(digest: bytes, time: int) -> bytes:
    """24 bytes: the log-append time (ms) of the first record, then what its name stood for (16 bytes).

    >>> time_of(seen(b"d" * 16, 5)), digest_in(seen(b"d" * 16, 5)) == b"d" * 16
    (5, True)
    """
    return time.to_bytes(8, "big", signed=True) + digest


def time_of(value: bytes) -> int:
    """The time at the head of a stored value."""
    return int.from_bytes(value[:8], "big", signed=True)


def digest_in(value: bytes) -> bytes:
    """The digest behind the time."""
    return value[8:]
