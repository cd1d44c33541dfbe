"""Where checkpoints are stored: `checkpoints/<namespace>/<group>/<stream>/<partition>/manifests/` and `…/files/`.

Files bear their digests, and lie with their unit: whether one is still needed is a question to this unit's manifests.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from penstock.artifacts import CorruptArtifact, MissingArtifact, digest_of_file
from penstock.artifacts.named_files import NamedFiles
from penstock.bus.errors import TransientError
from penstock.bus.state.checkpoint import CheckpointFile, CheckpointName, Manifest
from penstock.bus.state.progress import Progress
from penstock.bus.state.unit_state import UnitKey, unit_path

KEPT = 2  # checkpoints of a unit
UNNAMED_FOR = timedelta(hours=1)  # a file that no manifest names may be of one that is still being uploaded


class CheckpointStore:
    """The checkpoints of units. All calls block, and raise `ArtifactError` where the store does.

    Once `stopping` is set, what is under way ends with a `TransientError` before its next file.
    """

    def __init__(self, files: NamedFiles, namespace: str) -> None:
        self.stopping = threading.Event()
        self._files = files
        self._namespace = namespace
        self._digests: dict[UnitKey, dict[tuple[int, ...], str]] = {}

    def names(self, unit: UnitKey) -> list[CheckpointName]:
        """The checkpoints of a unit, the one with the greatest progress first."""
        found = map(CheckpointName.parse, self._files.list(f"{self._folder(unit)}/manifests"))
        return sorted((name for name in found if name is not None), reverse=True)

    def put(self, unit: UnitKey, folder: Path, progress: Progress, positions: dict[str, int]) -> None:
        """Store the files in a folder as a checkpoint, and delete what it makes superfluous."""
        stored = self._files.list(f"{self._folder(unit)}/files")
        digests = self._digests_of(unit, folder)
        for path, digest in digests.items():
            if digest not in stored or not _is_table(path):  # small ones are put again, which mends them
                self._raise_if_stopping()
                self._files.put(self._file(unit, digest), path)
        files = [CheckpointFile(path.name, digest) for path, digest in digests.items()]
        manifest = msgspec.json.encode(Manifest(positions, files))
        self._files.put(self._manifest(unit, CheckpointName.of(progress, manifest)), manifest)
        self._delete_superfluous(unit)

    def _digests_of(self, unit: UnitKey, folder: Path) -> dict[Path, str]:
        """The digests of the files; a table is read once, for it never changes and keeps its inode in a checkpoint."""
        known = self._digests.get(unit, {})
        by_inode: dict[tuple[int, ...], str] = {}
        digests: dict[Path, str] = {}
        for path in sorted(folder.iterdir()):
            facts = path.stat()
            inode = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
            digests[path] = by_inode[inode] = known.get(inode) or digest_of_file(path)
        self._digests[unit] = by_inode
        return digests

    def fetch(self, unit: UnitKey, name: CheckpointName, folder: Path, local: Path) -> None:
        """Fetch a checkpoint into a new folder; tables that are in the `local` state already are linked.

        Raises:
            MissingArtifact, CorruptArtifact: it is not complete.
        """
        folder.mkdir()
        for file in self._read(unit, name).files:
            path = folder / Path(file.name).name
            if not _link_table(local / path.name, path, file.digest):
                self._raise_if_stopping()
                self._files.get_file(self._file(unit, file.digest), file.digest, path)

    def _read(self, unit: UnitKey, name: CheckpointName) -> Manifest:
        content = self._files.get(self._manifest(unit, name), name.digest)
        try:
            return msgspec.json.decode(content, type=Manifest)
        except msgspec.MsgspecError as error:
            raise CorruptArtifact(name.digest, str(name), f"it is no manifest of this version: {error}") from error

    def _delete_superfluous(self, unit: UnitKey) -> None:
        names = self.names(unit)
        needed = {file.digest for name in names[:KEPT] for file in self._files_named_by(unit, name)}
        self._files.delete(self._manifest(unit, name) for name in names[KEPT:])
        before = datetime.now(UTC) - UNNAMED_FOR
        stored = self._files.list(f"{self._folder(unit)}/files")
        self._files.delete(
            self._file(unit, digest) for digest, put in stored.items() if digest not in needed and put < before
        )

    def _files_named_by(self, unit: UnitKey, name: CheckpointName) -> Collection[CheckpointFile]:
        with suppress(CorruptArtifact, MissingArtifact):  # nobody can use it
            return self._read(unit, name).files
        return ()

    def _raise_if_stopping(self) -> None:
        if self.stopping.is_set():
            raise TransientError("the service is being stopped")

    def _folder(self, unit: UnitKey) -> str:
        return f"checkpoints/{self._namespace}/{unit_path(unit)}"

    def _manifest(self, unit: UnitKey, name: CheckpointName) -> str:
        return f"{self._folder(unit)}/manifests/{name}"

    def _file(self, unit: UnitKey, digest: str) -> str:
        return f"{self._folder(unit)}/files/{digest}"


def _is_table(path: Path) -> bool:
    """Whether a file of a state is large and never changes."""
    return path.suffix == ".sst"


def _link_table(local: Path, path: Path, digest: str) -> bool:
    """Link a table of the local state, if it is the one of the digest."""
    if not _is_table(local):
        return False
    try:
        os.link(local, path)
    except FileNotFoundError:
        return False
    if digest_of_file(path) == digest:
        return True
    path.unlink()
    return False
