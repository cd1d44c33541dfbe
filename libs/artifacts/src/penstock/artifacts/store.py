"""The content-addressed store: what every store guarantees, wherever it keeps its artifacts."""

from pathlib import Path
from typing import Protocol

from penstock.artifacts.digest import digest_of
from penstock.artifacts.errors import CorruptArtifact


class Store(Protocol):
    """Artifacts under their own digest: written once, never changed, verified on every read.

    All calls block; run them off the event loop. Every call raises `ArtifactError` if the store cannot be reached,
    read or written, or if a digest is not one.
    """

    def put(self, data: bytes) -> str:
        """Store the bytes durably and return their digest; putting them again changes nothing."""
        ...

    def put_file(self, path: str | Path) -> str:
        """As `put`, with the bytes of a regular file, which need not fit into memory."""
        ...

    def get(self, digest: str) -> bytes:
        """The bytes with this digest.

        Raises:
            MissingArtifact: there are none.
            CorruptArtifact: what is stored has another digest.
        """
        ...

    def has(self, digest: str) -> bool:
        """Whether there is an artifact with this digest; only `get` verifies its bytes."""
        ...


def verify_digest(data: bytes, digest: str, store_name: str) -> bytes:
    """The bytes unchanged, if they have this digest.

    Raises:
        CorruptArtifact: they have another.
    """
    if digest_of(data) != digest:
        raise CorruptArtifact(digest, store_name)
    return data
