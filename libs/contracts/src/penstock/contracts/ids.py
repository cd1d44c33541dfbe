"""Ids that follow from what they name, so that repeated work bears the same id."""

from __future__ import annotations

import uuid
from hashlib import blake2b

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://penstock.dev/ids")


def derived_id(*parts: object) -> str:
    """A UUIDv5 (RFC 9562) over the parts; parts are separated so that no two lists collide.

    >>> derived_id("a", "bc") == derived_id("ab", "c")
    False
    """
    return str(uuid.uuid5(NAMESPACE, "\x1f".join(str(part) for part in parts)))


def label_id(source: str, event_id: str, revision: int) -> str:
    """The id of a label whose sender gave it none."""
    return derived_id("label", source, event_id, revision)


def digest_of(content: bytes) -> bytes:
    """A 16-byte BLAKE2b digest (RFC 7693): two bodies of one id are equal when their digests are."""
    return blake2b(content, digest_size=16).digest()
