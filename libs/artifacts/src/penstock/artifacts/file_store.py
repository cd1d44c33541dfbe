"""A store in a folder, which may be a shared volume: one read-only file per artifact.

Layout: `sha256/<first two hex digits>/<the other 62>`; `incoming/` holds what is being written. A file
appears under its digest by one atomic rename, after its bytes are on the disk. A process that is killed
leaves at most a file in `incoming/`, which nothing ever reads.
"""

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from penstock.artifacts.digest import digest_of_chunks, hex_of, pieces
from penstock.artifacts.errors import ArtifactError, CorruptArtifact, MissingArtifact
from penstock.artifacts.plain_file import NotPlain, descriptor, open_plain
from penstock.artifacts.safe_folders import durable_folder, existing_folder
from penstock.artifacts.store import verified

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LINK = {errno.ELOOP, errno.ENOTDIR}
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FileStore:
    """Artifacts as files under a root folder, made if absent; raises `ArtifactError` if it cannot be."""

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root).absolute()
        with self._explained("use"):
            self._root.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> str:
        return self._keep([data])

    def put_file(self, path: str | Path) -> str:
        with open_plain(path) as source:
            return self._keep(pieces(source))

    def get(self, digest: str) -> bytes:
        shard, name = _place(digest)
        with (
            self._found(digest),
            existing_folder(self._root, "sha256", shard) as folder,
            os.fdopen(descriptor(name, folder), "rb") as file,
        ):
            data = file.read()
        return verified(data, digest, str(self._root))

    def has(self, digest: str) -> bool:
        shard, name = _place(digest)
        try:
            with self._found(digest), existing_folder(self._root, "sha256", shard) as folder:
                os.close(descriptor(name, folder))
        except (MissingArtifact, CorruptArtifact):
            return False
        return True

    def _keep(self, chunks: Iterable[bytes]) -> str:
        with self._explained("write to"), durable_folder(self._root, "incoming") as incoming:
            temporary = secrets.token_hex(16)
            try:
                digest = _write(incoming, temporary, chunks)
                self._reveal(incoming, temporary, digest)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=incoming)
                raise
        return digest

    def _reveal(self, incoming: int, temporary: str, digest: str) -> None:
        shard, name = _place(digest)
        with durable_folder(self._root, "sha256", shard) as folder:
            os.rename(temporary, name, src_dir_fd=incoming, dst_dir_fd=folder)
            os.fsync(folder)

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ArtifactError(explain(error, self._root, doing)) from error

    @contextmanager
    def _found(self, digest: str) -> Iterator[None]:
        with self._explained("read"):
            try:
                yield
            except FileNotFoundError as error:
                raise MissingArtifact(digest, str(self._root)) from error
            except OSError as error:
                if isinstance(error, NotPlain) or error.errno in _LINK:
                    raise CorruptArtifact(digest, str(self._root), "it is not a plain file") from error
                raise


def explain(error: OSError, root: Path, doing: str) -> str:
    """One line on a failed system call: what was tried, in which folder, and what to do about it."""
    if error.errno in _FULL:
        return f"no space left in the artifact folder {root} ({error.strerror}); free some and try again"
    reason = error.strerror or str(error)
    return f"cannot {doing} the artifact folder {root}: {reason}; check that it exists and its permissions"


def _place(digest: str) -> tuple[str, str]:
    digits = hex_of(digest)
    return digits[:2], digits[2:]


def _write(folder: int, name: str, chunks: Iterable[bytes]) -> str:
    """Write the chunks to a new file, force them to the disk and return their digest."""
    with os.fdopen(os.open(name, _NEW, 0o444, dir_fd=folder), "wb") as file:
        digest = digest_of_chunks(_copied(chunks, file))
        file.flush()
        os.fsync(file.fileno())
    return digest


def _copied(chunks: Iterable[bytes], file: BinaryIO) -> Iterator[bytes]:
    for chunk in chunks:
        file.write(chunk)
        yield chunk
