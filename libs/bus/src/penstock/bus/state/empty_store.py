"""An empty RocksDB database as bytes: a copy of it costs none of the six waits for the disk that making one does."""

from __future__ import annotations

import shutil
import tempfile
from functools import cached_property
from pathlib import Path

from rocksdict import Options, Rdict

_OF_ONE_PROCESS = ("LOG", "LOCK")


class EmptyStore:
    """Copies of an empty database, which is made once, below `folder`."""

    def __init__(self, folder: Path, options: Options) -> None:
        self._folder = folder
        self._options = options

    @cached_property
    def _files(self) -> dict[str, bytes]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".empty-") as name:
            Rdict(name, options=self._options).close()
            files = (path for path in Path(name).iterdir() if not path.name.startswith(_OF_ONE_PROCESS))
            return {path.name: path.read_bytes() for path in files}

    def copy_to(self, folder: Path) -> None:
        """Make `folder`, which does not exist, such a database, as a whole or not at all.

        The copy is not on the disk yet: opening it writes its catalogue anew, and waits until that is.

        Raises:
            OSError: it cannot be written.
        """
        unfinished = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for name, content in self._files.items():
            (unfinished / name).write_bytes(content)
        unfinished.rename(folder)
