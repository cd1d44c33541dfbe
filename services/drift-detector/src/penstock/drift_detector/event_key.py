"""The key of an event, under which its event, prediction, label and outcome are found."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from penstock.contracts.ids import blake2b_digest

_HALVES = struct.Struct(">qq")


def event_key(source: str, entity: str | None, event_id: str) -> bytes:
    """The 16 bytes by which event, prediction, label and outcome of one event find each other.

    >>> event_key("a", "bc", "1") == event_key("ab", "c", "1")
    False
    """
    entity = entity or ""
    return blake2b_digest(f"{len(source)} {len(entity)} {source}{entity}{event_id}".encode())


def short_key(key: bytes) -> int:
    """The first 8 bytes of an event key as a signed integer, where thousands of keys are held in memory."""
    return int.from_bytes(key[:8], "big", signed=True)


def short_keys(keys: Sequence[bytes]) -> list[int]:
    """The short key of each event key.

    >>> short_keys([bytes(16)]) == [short_key(bytes(16))]
    True
    """
    return [first for first, _ in _HALVES.iter_unpack(b"".join(keys))]
