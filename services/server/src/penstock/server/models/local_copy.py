"""The last model that served, kept in the data folder: a restart serves with the store down."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

from penstock.contracts.records.models import ModelEpoch

log = logging.getLogger("penstock.server")


class KeptModels:
    """One file a stream, holding its epoch's record as a line of JSON and the artifact behind it.

    Without a folder nothing is kept. What is read here is verified like anything from the store.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def keep(self, record: ModelEpoch, artifact: bytes) -> None:
        """Replace what is kept of the stream, whole or not at all; a full disk costs the copy, not the swap."""
        if self._folder is None:
            return
        temporary = self._folder / f".{record.stream}.{secrets.token_hex(8)}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(record.to_json() + b"\n" + artifact)
            os.replace(temporary, self._path(self._folder, record.stream))
        except OSError as error:
            temporary.unlink(missing_ok=True)
            log.warning("no copy of %s's model is kept in %s: %s", record.stream, self._folder, error.strerror or error)

    def recall(self, stream: str) -> tuple[ModelEpoch, bytes] | None:
        """The epoch's record and the artifact as they were kept, None when there are none to be read."""
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
