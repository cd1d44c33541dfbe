"""The bytes of a file, unzipped if it is gzipped."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import IO

DAMAGE = (zlib.error, EOFError, OSError)
"""What reading a damaged file raises; a bad gzip archive is an `OSError`."""


def is_gzipped(path: Path) -> bool:
    """Whether the file is gzipped, whatever its name."""
    with path.open("rb") as content:
        return content.read(2) == b"\x1f\x8b"


def plain_bytes(path: Path) -> IO[bytes]:
    """The bytes of the file, open for reading."""
    return gzip.open(path, "rb") if is_gzipped(path) else path.open("rb")  # type: ignore[return-value]


def beginning_of(path: Path) -> bytes:
    """The first bytes; none if the file is damaged."""
    try:
        with plain_bytes(path) as content:
            return content.read(4)
    except DAMAGE:
        return b""
