"""The store, or the place for named files, at a URL, as settings name it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from penstock.artifacts.errors import ArtifactError
from penstock.artifacts.file_store import FileStore
from penstock.artifacts.memory_store import MemoryStore
from penstock.artifacts.store import Store

if TYPE_CHECKING:
    from penstock.artifacts.named_files import NamedFiles


def open_store(url: str) -> Store:
    """The store at a URL: `memory:`, a path, `file:///path` or `s3://bucket/prefix`.

    `memory:` is a new, empty store each time.

    Raises:
        ArtifactError: there is no such kind of store, or it cannot be used.

    >>> open_store("memory:").has("sha256:" + 64 * "0")
    False
    """
    if url == "memory:":
        return MemoryStore()
    if url.startswith("s3://"):
        from penstock.artifacts.object_store import ObjectStore  # noqa: PLC0415 (few processes need obstore)

        return ObjectStore.from_url(url)
    if url.startswith("file:"):
        return FileStore(_local_path(url))
    if not url or "://" in url:
        raise ArtifactError(f"no store of this kind: {url!r}; {_KINDS}")
    return FileStore(Path(url).expanduser())


def open_named_files(url: str) -> NamedFiles:
    """Files by name at a URL: a path, `file:///path` or `s3://bucket/prefix`.

    Raises:
        ArtifactError: there is no such kind of place, or it cannot be used.
    """
    from penstock.artifacts.named_files import NamedFiles  # noqa: PLC0415 (few processes need obstore)

    if url.startswith("s3://"):
        return NamedFiles.in_bucket(url)
    if url.startswith("file:"):
        return NamedFiles.in_folder(Path(_local_path(url)))
    if not url or "://" in url or url == "memory:":
        raise ArtifactError(f"no place for files: {url!r}; give a path, file:///path or s3://bucket/prefix")
    return NamedFiles.in_folder(Path(url).expanduser())


_KINDS = "give a path, file:///path, s3://bucket/prefix or memory:"


def _local_path(url: str) -> str:
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        raise ArtifactError(f"not a local folder: {url!r}; {_KINDS}")
    return unquote(parts.path)
