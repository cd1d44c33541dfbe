"""The digest that names an artifact: the SHA-256 of its bytes, as "sha256:" and 64 lower-case hex digits."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from penstock.artifacts.errors import ArtifactError

CHUNK = 1 << 20  # bytes
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


def digest_of(data: bytes) -> str:
    """The digest of the bytes.

    >>> digest_of(b"")
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    return digest_of_chunks([data])


def digest_of_chunks(chunks: Iterable[bytes]) -> str:
    """The digest of the chunks joined."""
    state = hashlib.sha256()
    for chunk in chunks:
        state.update(chunk)
    return f"sha256:{state.hexdigest()}"


def digest_of_file(path: str | Path) -> str:
    """The digest of a file's bytes, which need not fit into memory.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        return digest_of_chunks(read_chunks(file))


def hex_of(digest: str) -> str:
    """The 64 hex digits of a digest.

    Raises:
        ArtifactError: it is not a digest.
    """
    match = _DIGEST.fullmatch(digest)
    if match is None:
        raise ArtifactError(f"not an artifact digest: {digest[:80]!r}; expected sha256: and 64 hex digits")
    return match[1]


def read_chunks(file: BinaryIO) -> Iterable[bytes]:
    """The bytes of an open file from its position on, in chunks of 1 MiB."""
    while chunk := file.read(CHUNK):
        yield chunk
