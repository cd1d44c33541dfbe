"""A store in memory: the same promises as the others, for tests and for running in one process."""

from pathlib import Path

from penstock.artifacts.digest import digest_of, hex_of
from penstock.artifacts.errors import MissingArtifact
from penstock.artifacts.plain_file import open_plain
from penstock.artifacts.store import verified


class MemoryStore:
    """Artifacts in a dictionary.

    >>> store = MemoryStore()
    >>> store.get(store.put(b"model"))
    b'model'
    """

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        """Bytes by digest; a test may alter them to see what corruption does."""

    def put(self, data: bytes) -> str:
        digest = digest_of(data)
        self.contents[digest] = bytes(data)
        return digest

    def put_file(self, path: str | Path) -> str:
        with open_plain(path) as source:
            return self.put(source.read())

    def get(self, digest: str) -> bytes:
        hex_of(digest)
        if digest not in self.contents:
            raise MissingArtifact(digest, "memory")
        return verified(self.contents[digest], digest, "memory")

    def has(self, digest: str) -> bool:
        hex_of(digest)
        return digest in self.contents
