"""A copy of each stream's last champion in the data folder: with it a restart serves while the store is away."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

from penstock.contracts.records.models import ModelEpoch

log = logging.getLogger("penstock.server")


class LocalModelCopies:
    """One file a stream, which holds an epoch's record as a line of JSON and after it the champion's artifact.

    Without a folder nothing is saved. What is read here is to be verified like an artifact from the store.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def save(self, record: ModelEpoch, artifact: bytes) -> None:
        """Replace the stream's copy, whole or not at all. A full disk costs the copy and is logged, nothing more."""
        if self._folder is None:
            return
        temporary = self._folder / f".{record.stream}.{secrets.token_hex(8)}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(record.to_json() + b"\n" + artifact)
            os.replace(temporary, self._path(self._folder, record.stream))
        except OSError as error:
            temporary.unlink(missing_ok=True)
            reason = error.strerror or error
            log.warning("no copy of %s's model could be saved in %s: %s", record.stream, self._folder, reason)

    def read(self, stream: str) -> tuple[ModelEpoch, bytes] | None:
        """The epoch's record and the artifact as they were saved, None when there is no readable copy."""
        if self._folder is None:
            return None
        try:
            line, _, artifact = self._path(self._folder, stream).read_bytes().partition(b"\n")
            return ModelEpoch.from_json(line), artifact
        except (OSError, ValueError):
            return None

    @staticmethod
    def _path(folder: Path, stream: str) -> Path:
        return folder / f"{stream}.model"
