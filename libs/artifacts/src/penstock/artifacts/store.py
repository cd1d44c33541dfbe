"""The content-addressed store: what it promises, whatever it is kept on."""

from pathlib import Path
from typing import Protocol

from penstock.artifacts.digest import digest_of
from penstock.artifacts.errors import CorruptArtifact


class Store(Protocol):
    """Bytes kept under their own digest: written once, never changed, checked on every read.

    All calls block; run them off the event loop. Every call raises `ArtifactError` when the place
    cannot be reached, read or written, or when a digest is not one.
    """

    def put(self, data: bytes) -> str:
        """Keep the bytes durably and return their digest; putting them again changes nothing."""
        ...

    def put_file(self, path: str | Path) -> str:
        """As `put`, with the bytes of a plain file, which need not fit into memory."""
        ...

    def get(self, digest: str) -> bytes:
        """Bytes under the digest; raises `MissingArtifact`, or `CorruptArtifact` if they are not those."""
        ...

    def has(self, digest: str) -> bool:
        """Whether something lies under the digest; only `get` looks whether it is sound."""
        ...


def verified(data: bytes, digest: str, place: str) -> bytes:
    """The bytes themselves if they have this digest; raises `CorruptArtifact` otherwise."""
    if digest_of(data) != digest:
        raise CorruptArtifact(digest, place)
    return data
