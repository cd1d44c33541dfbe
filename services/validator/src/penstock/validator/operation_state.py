"""How the state holds an operation: under its name, the time of its first record and the digest of its content."""

from __future__ import annotations

from typing import Literal

Kind = Literal["event", "label"]

KEY_PREFIX: dict[Kind, bytes] = {"event": b"e", "label": b"l"}
"""First byte of a key, by kind of operation; the operation's name (16 bytes) follows."""

KEY_LENGTH = 17  # bytes


def encode_value(digest: bytes, time: int) -> bytes:
    """24 bytes: the log-append time (ms) of the first record, then the digest (16 bytes) of what it says.

    >>> time_of(encode_value(b"d" * 16, 5)), digest_of_value(encode_value(b"d" * 16, 5)) == b"d" * 16
    (5, True)
    """
    return time.to_bytes(8, "big", signed=True) + digest


def time_of(value: bytes) -> int:
    """The time (ms) in the first 8 bytes of a stored value."""
    return int.from_bytes(value[:8], "big", signed=True)


def digest_of_value(value: bytes) -> bytes:
    """The digest that follows the time."""
    return value[8:]
