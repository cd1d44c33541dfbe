"""Opening files that must be plain ones: no symbolic link, folder, pipe or device."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from penstock.artifacts.errors import ArtifactError

# Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotPlain(OSError):
    """The name leads to something else than a plain file."""


def descriptor(path: str | Path, folder: int | None = None) -> int:
    """Read descriptor of a plain file, relative to an open folder if given; raises `OSError`, `NotPlain`."""
    number = os.open(path, _FLAGS, dir_fd=folder)
    if stat.S_ISREG(os.fstat(number).st_mode):
        return number
    os.close(number)
    raise NotPlain("it is not a plain file")


@contextmanager
def open_plain(path: str | Path) -> Iterator[BinaryIO]:
    """A plain file, open for reading; raises `ArtifactError` naming it if it cannot be opened."""
    try:
        file = os.fdopen(descriptor(path), "rb")
    except OSError as error:
        raise ArtifactError(f"cannot read {path}: {error.strerror or error}; give a plain file") from error
    with file:
        yield file
