"""A store in memory, for tests and for a deployment in one process; it behaves as the others do."""

from pathlib import Path

from penstock.artifacts.digest import digest_of, hex_of
from penstock.artifacts.errors import MissingArtifact
from penstock.artifacts.regular_file import open_regular_file
from penstock.artifacts.store import verify_digest


class MemoryStore:
    """Artifacts in a dictionary.

    >>> store = MemoryStore()
    >>> store.get(store.put(b"model"))
    b'model'
    """

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        """Bytes by digest; a test may change them to corrupt an artifact."""

    def put(self, data: bytes) -> str:
        digest = digest_of(data)
        self.contents[digest] = bytes(data)
        return digest

    def put_file(self, path: str | Path) -> str:
        with open_regular_file(path) as source:
            return self.put(source.read())

    def get(self, digest: str) -> bytes:
        hex_of(digest)
        if digest not in self.contents:
            raise MissingArtifact(digest, "memory")
        return verify_digest(self.contents[digest], digest, "memory")

    def has(self, digest: str) -> bool:
        hex_of(digest)
        return digest in self.contents
