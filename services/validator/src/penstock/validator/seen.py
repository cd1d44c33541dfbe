"""What the state holds of an operation that was seen, as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

Kind = Literal["event", "label"]

KEY: dict[Kind, bytes] = {"event": b"e", "label": b"l"}
"""What a kind's keys begin with; the operation's name follows, so a key is 17 bytes."""

KEY_LENGTH = 17


@dataclass(frozen=True, slots=True)
class Seen:
    """What a name stood for (16 bytes) and when it was first read (log-append time, ms)."""

    digest: bytes
    time: int

    def write(self) -> bytes:
        """24 bytes: the time, then the digest."""
        return self.time.to_bytes(8, "big", signed=True) + self.digest

    @classmethod
    def read(cls, value: bytes) -> Self:
        """The inverse of `write`."""
        return cls(value[8:], time_of(value))


def time_of(value: bytes) -> int:
    """The time at the head of a stored value."""
    return int.from_bytes(value[:8], "big", signed=True)
