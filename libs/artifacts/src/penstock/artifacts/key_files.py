"""Key files: written once, and private ones readable by their owner alone."""

import os
from pathlib import Path

from penstock.artifacts.errors import BadKey


def write_key_file(path: str | Path, content: bytes, mode: int) -> None:
    """Write a new file durably.

    Raises:
        BadKey: the file exists already, since no key may be overwritten, or it cannot be written.
    """
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


def read_key_file(path: str | Path) -> bytes:
    """The content of a key file.

    Raises:
        BadKey: it cannot be read; the message names it.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadKey(f"cannot read the key file {path}: {error.strerror}") from error
