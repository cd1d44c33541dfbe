"""The store at a URL, as settings name it."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from penstock.artifacts.errors import ArtifactError
from penstock.artifacts.file_store import FileStore
from penstock.artifacts.memory_store import MemoryStore
from penstock.artifacts.store import Store


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
        return _object_store(url)
    if url.startswith("file:"):
        return FileStore(_local_path(url))
    if not url or "://" in url:
        raise ArtifactError(f"no store of this kind: {url!r}; {_KINDS}")
    return FileStore(Path(url).expanduser())


_KINDS = "give a path, file:///path, s3://bucket/prefix or memory:"


def _local_path(url: str) -> str:
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        raise ArtifactError(f"not a local folder: {url!r}; {_KINDS}")
    return unquote(parts.path)


def _object_store(url: str) -> Store:
    try:
        from penstock.artifacts.object_store import ObjectStore  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError as error:
        raise ArtifactError(f"{url} needs the extra s3: install penstock-artifacts[s3], or name a folder") from error
    return ObjectStore.from_url(url)
