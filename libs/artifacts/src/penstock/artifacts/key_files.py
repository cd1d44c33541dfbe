"""Secrets on disk: written once, readable by their owner alone."""

import os
from pathlib import Path

from penstock.artifacts.errors import BadKey


def write_new(path: str | Path, content: bytes, mode: int) -> None:
    """Write a file that must not exist yet; raises `BadKey`, so that no key is ever overwritten."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise BadKey(f"the key file {path} exists already; remove it first if it is to be replaced") from error
    except OSError as error:
        raise BadKey(f"cannot write the key file {path}: {error.strerror}") from error


def read_key(path: str | Path) -> bytes:
    """Content of a key file; raises `BadKey` naming it."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadKey(f"cannot read the key file {path}: {error.strerror}") from error
