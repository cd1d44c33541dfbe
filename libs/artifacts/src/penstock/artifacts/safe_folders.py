"""Walking below a root by descriptors, so that no symbolic link put there later can lead elsewhere."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def existing_folder(root: Path, *names: str) -> Iterator[int]:
    """Descriptor of `root/names…`; raises `OSError` if one is absent or a symbolic link (the root may be)."""
    current = os.open(root, _FLAGS)
    try:
        for name in names:
            current = _step(current, name)
        yield current
    finally:
        os.close(current)


@contextmanager
def durable_folder(root: Path, *names: str) -> Iterator[int]:
    """As `existing_folder`, but makes what is absent and sees to it that it survives a power cut."""
    for depth, name in enumerate(names):
        with existing_folder(root, *names[:depth]) as parent:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=parent)
            os.fsync(parent)
    with existing_folder(root, *names) as folder:
        yield folder


def _step(current: int, name: str) -> int:
    inner = os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=current)
    os.close(current)
    return inner
