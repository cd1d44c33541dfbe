"""Ids and digests computed from content, so that repeated work produces the same id."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from hashlib import blake2b

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://penstock.dev/ids")


def derived_id(*parts: object) -> str:
    """A UUIDv5 (RFC 9562) over the parts; a separator keeps different lists of parts apart.

    >>> derived_id("a", "bc") == derived_id("ab", "c")
    False
    """
    return str(uuid.uuid5(NAMESPACE, "\x1f".join(str(part) for part in parts)))


def label_id(source: str, event_id: str, revision: int) -> str:
    """The id of a label that was sent without one."""
    return derived_id("label", source, event_id, revision)


def blake2b_digest(content: bytes) -> bytes:
    """A 16-byte BLAKE2b digest (RFC 7693), used to compare two bodies sent under one id."""
    return blake2b(content, digest_size=16).digest()


def blake2b_digests(contents: Iterable[bytes]) -> list[bytes]:
    """The digest of each of many contents, without a call of ours for each."""
    return [blake2b(content, digest_size=16).digest() for content in contents]
