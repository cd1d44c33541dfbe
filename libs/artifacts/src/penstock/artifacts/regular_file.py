"""Opening files that must be regular: no symbolic link, folder, pipe or device."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from penstock.artifacts.errors import ArtifactError

# Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotRegularFile(OSError):
    """The path leads to something other than a regular file."""


def open_descriptor(path: str | Path, folder: int | None = None) -> int:
    """A read descriptor of a regular file; `path` is relative to the open `folder`, if given.

    Raises:
        OSError: it cannot be opened; `NotRegularFile` if it is none.
    """
    descriptor = os.open(path, _FLAGS, dir_fd=folder)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise NotRegularFile("it is not a regular file")


@contextmanager
def open_regular_file(path: str | Path) -> Iterator[BinaryIO]:
    """A regular file, open for reading.

    Raises:
        ArtifactError: it cannot be opened; the message names it.
    """
    try:
        file = os.fdopen(open_descriptor(path), "rb")
    except OSError as error:
        raise ArtifactError(f"cannot read {path}: {error.strerror or error}; give a regular file") from error
    with file:
        yield file
