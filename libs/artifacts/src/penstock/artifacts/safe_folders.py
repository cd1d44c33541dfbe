"""Opening folders below a root by descriptors, so that no symbolic link put there can lead elsewhere."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def open_folder(root: Path, *names: str) -> Iterator[int]:
    """The descriptor of the folder `root/names…`.

    Raises:
        OSError: a folder is absent, or is a symbolic link; only the root may be one.
    """
    current = os.open(root, _FLAGS)
    try:
        for name in names:
            current = _open_inner(current, name)
        yield current
    finally:
        os.close(current)


@contextmanager
def open_or_create_folder(root: Path, *names: str) -> Iterator[int]:
    """As `open_folder`, but creates what is absent, durably: it survives a power cut."""
    for depth, name in enumerate(names):
        with open_folder(root, *names[:depth]) as parent:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=parent)
            os.fsync(parent)
    with open_folder(root, *names) as folder:
        yield folder


def _open_inner(current: int, name: str) -> int:
    inner = os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=current)
    os.close(current)
    return inner
