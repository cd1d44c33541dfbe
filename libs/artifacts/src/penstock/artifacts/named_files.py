"""Files by name in a folder or a bucket, through obstore: put whole, listed, deleted. What is no artifact lies here.

A folder is written by renames, so that no reader sees half a file. It does not wait for the disk: who must know
whether bytes are whole keeps their digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.store import LocalStore, MemoryStore, S3Store

from penstock.artifacts.digest import digest_of_chunks
from penstock.artifacts.errors import CorruptArtifact, MissingArtifact
from penstock.artifacts.file_store import write_through
from penstock.artifacts.object_store import bucket_errors
from penstock.artifacts.store import verify_digest

RETRIES = timedelta(seconds=10)  # who waits longer shall know it: the caller tries again
PART = 8 << 20  # bytes in memory while a file is read or written


class NamedFiles:
    """Files by name, with `/` in it for folders; `url` names the place in errors.

    All calls block; run them off the event loop. Every call raises `ArtifactError` if the place cannot be reached,
    read or written.
    """

    def __init__(self, place: LocalStore | MemoryStore | S3Store, url: str) -> None:
        self._place: Any = place
        self._url = url

    @classmethod
    def in_folder(cls, folder: Path) -> NamedFiles:
        """Files below a folder, which is created if absent."""
        with bucket_errors(str(folder), "use"):
            return cls(LocalStore(folder, mkdir=True, automatic_cleanup=True), str(folder))

    @classmethod
    def in_bucket(cls, url: str) -> NamedFiles:
        """Files below `s3://bucket/prefix`."""
        with bucket_errors(url, "use"):
            return cls(S3Store.from_url(url, retry_config={"max_retries": 3, "retry_timeout": RETRIES}), url)

    def list(self, folder: str) -> dict[str, datetime]:
        """When each file below a folder was put, by its name relative to the folder."""
        with bucket_errors(self._url, "list"):
            found = [entry for part in obstore.list(self._place, folder) for entry in part]
        return {entry["path"].removeprefix(f"{folder}/"): entry["last_modified"] for entry in found}

    def sizes(self, folder: str) -> dict[str, int]:
        """How many bytes each file below a folder has, by its name relative to the folder."""
        with bucket_errors(self._url, "list"):
            found = [entry for part in obstore.list(self._place, folder) for entry in part]
        return {entry["path"].removeprefix(f"{folder}/"): entry["size"] for entry in found}

    def put(self, name: str, content: bytes | Path) -> None:
        """Put bytes, or those of a file; what was under the name before is replaced."""
        with bucket_errors(self._url, "write to"):
            obstore.put(self._place, name, content, chunk_size=PART, max_concurrency=1)

    def get(self, name: str, digest: str) -> bytes:
        """The bytes under a name.

        Raises:
            MissingArtifact: there are none.
            CorruptArtifact: they have another digest.
        """
        with self._reading(name, digest):
            return verify_digest(bytes(obstore.get(self._place, name).bytes()), digest, f"{self._url}/{name}")

    def get_file(self, name: str, digest: str, path: Path) -> None:
        """As `get`, into a new file, which need not fit into memory; if they are corrupt, it is left as it came."""
        with self._reading(name, digest), path.open("xb") as file:
            parts = obstore.get(self._place, name).stream(min_chunk_size=PART)
            if digest_of_chunks(write_through(map(bytes, parts), file)) != digest:
                raise CorruptArtifact(digest, f"{self._url}/{name}")

    def read(self, name: str) -> bytes | None:
        """The bytes under a name, or None; nothing checks them: for files that hold checksums of their own."""
        with bucket_errors(self._url, "read"):
            try:
                return bytes(obstore.get(self._place, name).bytes())
            except FileNotFoundError:
                return None

    @contextmanager
    def _reading(self, name: str, digest: str) -> Iterator[None]:
        with bucket_errors(self._url, "read"):
            try:
                yield
            except FileNotFoundError as error:
                raise MissingArtifact(digest, f"{self._url}/{name}") from error

    def delete(self, names: Iterable[str]) -> None:
        """Delete files; those that are gone already are no error."""
        for name in names:
            with bucket_errors(self._url, "write to"):
                try:
                    obstore.delete(self._place, name)
                except FileNotFoundError:
                    continue
