"""A store in a folder, which may be a shared volume: one read-only file per artifact.

Layout: `sha256/<first two hex digits>/<the other 62>`; `incoming/` holds files while they are written. A file appears
under its digest by one atomic rename, after its bytes are on the disk. A process that is killed leaves at most a file
in `incoming/`, which nothing ever reads.
"""

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from penstock.artifacts.digest import digest_of_chunks, hex_of, read_chunks
from penstock.artifacts.errors import ArtifactError, CorruptArtifact, MissingArtifact
from penstock.artifacts.regular_file import NotRegularFile, open_descriptor, open_regular_file
from penstock.artifacts.safe_folders import open_folder, open_or_create_folder
from penstock.artifacts.store import verify_digest

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SYMBOLIC_LINK = {errno.ELOOP, errno.ENOTDIR}
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FileStore:
    """Artifacts as files below a root folder, which is created if absent.

    Raises:
        ArtifactError: the folder cannot be created.
    """

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root).absolute()
        with self._as_artifact_errors("use"):
            self._root.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> str:
        return self._put_chunks([data])

    def put_file(self, path: str | Path) -> str:
        with open_regular_file(path) as source:
            return self._put_chunks(read_chunks(source))

    def get(self, digest: str) -> bytes:
        shard, name = _shard_and_name(digest)
        with (
            self._reading(digest),
            open_folder(self._root, "sha256", shard) as folder,
            os.fdopen(open_descriptor(name, folder), "rb") as file,
        ):
            data = file.read()
        return verify_digest(data, digest, str(self._root))

    def has(self, digest: str) -> bool:
        shard, name = _shard_and_name(digest)
        try:
            with self._reading(digest), open_folder(self._root, "sha256", shard) as folder:
                os.close(open_descriptor(name, folder))
        except (MissingArtifact, CorruptArtifact):
            return False
        return True

    def _put_chunks(self, chunks: Iterable[bytes]) -> str:
        with self._as_artifact_errors("write to"), open_or_create_folder(self._root, "incoming") as incoming:
            temporary = secrets.token_hex(16)
            try:
                digest = _write_file(incoming, temporary, chunks)
                self._rename_to_digest(incoming, temporary, digest)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=incoming)
                raise
        return digest

    def _rename_to_digest(self, incoming: int, temporary: str, digest: str) -> None:
        shard, name = _shard_and_name(digest)
        with open_or_create_folder(self._root, "sha256", shard) as folder:
            os.rename(temporary, name, src_dir_fd=incoming, dst_dir_fd=folder)
            os.fsync(folder)

    @contextmanager
    def _as_artifact_errors(self, action: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ArtifactError(describe_failure(error, self._root, action)) from error

    @contextmanager
    def _reading(self, digest: str) -> Iterator[None]:
        with self._as_artifact_errors("read"):
            try:
                yield
            except FileNotFoundError as error:
                raise MissingArtifact(digest, str(self._root)) from error
            except OSError as error:
                if isinstance(error, NotRegularFile) or error.errno in _SYMBOLIC_LINK:
                    raise CorruptArtifact(digest, str(self._root), "it is not a regular file") from error
                raise


def describe_failure(error: OSError, root: Path, action: str) -> str:
    """One line about a failed system call: the action, the folder, the reason, and what to do about it."""
    if error.errno in _DISK_FULL:
        return f"no space left in the artifact folder {root} ({error.strerror}); free some and try again"
    reason = error.strerror or str(error)
    return f"cannot {action} the artifact folder {root}: {reason}; check that it exists and its permissions"


def _shard_and_name(digest: str) -> tuple[str, str]:
    digits = hex_of(digest)
    return digits[:2], digits[2:]


def _write_file(folder: int, name: str, chunks: Iterable[bytes]) -> str:
    """Write the chunks to a new file, force them to the disk, and return their digest."""
    with os.fdopen(os.open(name, _NEW_FILE, 0o444, dir_fd=folder), "wb") as file:
        digest = digest_of_chunks(write_through(chunks, file))
        file.flush()
        os.fsync(file.fileno())
    return digest


def write_through(chunks: Iterable[bytes], file: BinaryIO) -> Iterator[bytes]:
    """The chunks, each once it is written to the file."""
    for chunk in chunks:
        file.write(chunk)
        yield chunk
