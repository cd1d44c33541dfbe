"""From an epoch's record to a model that may serve: verify, fetch, unpack, check. Everything here blocks."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from penstock.artifacts import (
    ArtifactError,
    BadSignature,
    CorruptArtifact,
    MissingArtifact,
    Store,
    Verifier,
    digest_of,
)
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import ModelEpoch, ModelVersion, subject_of
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.server.models.local_copy import LocalModelCopies
from penstock.server.models.model_check import RefusedModel, open_model


class StoreUnavailable(Exception):
    """The store does not answer for now."""


@dataclass(frozen=True)
class ModelLoader:
    """Loads models from a store, and nothing that is not signed by a trusted key.

    Services in one process may share the store. Without `local_copies` nothing is saved for a restart.
    """

    store: Store
    verifier: Verifier
    local_copies: LocalModelCopies = field(default_factory=LocalModelCopies)

    def fetch(self, stream: str, version: ModelVersion) -> bytes:
        """The artifact of a stream's model, which is what was signed.

        Raises:
            RefusedModel: it must not serve.
            StoreUnavailable: it cannot be fetched for now.
        """
        self._check_signature(stream, version)
        return self._fetch(stream, version.digest)

    def open(
        self, record: ModelEpoch, version: ModelVersion, artifact: bytes, declaration: Declaration
    ) -> Model | Blend:
        """Open the artifact of an epoch's model, and if that is the champion save a local copy.

        Raises:
            RefusedModel: it must not serve.
        """
        model = open_model(artifact, declaration)
        if version is record.champion:
            self.local_copies.save(record, artifact)
        return model

    def save_copy(self, record: ModelEpoch) -> None:
        """Save a local copy of a champion that is loaded already; if the store is away the copy before it stays."""
        with suppress(ArtifactError):
            self.local_copies.save(record, self.store.get(record.champion.digest))

    def read_copy(self, stream: str) -> tuple[ModelEpoch, bytes] | None:
        """The stream's local copy, verified anew: its epoch and artifact; None when there is none that may serve."""
        copy = self.local_copies.read(stream)
        if copy is None:
            return None
        record, artifact = copy
        if record.stream != stream or digest_of(artifact) != record.champion.digest:
            return None
        try:
            self._check_signature(stream, record.champion)
        except RefusedModel:
            return None
        return copy

    def _check_signature(self, stream: str, version: ModelVersion) -> None:
        try:
            self.verifier.expect(version.envelope, subject_of(stream, version.run), version.digest)
        except BadSignature as error:
            raise RefusedModel(f"its signature is refused: {error}") from error

    def _fetch(self, stream: str, digest: str) -> bytes:
        try:
            return self.store.get(digest)
        except ArtifactError as error:
            copy = self.local_copies.read(stream)
            if copy is not None and digest_of(copy[1]) == digest:
                return copy[1]
            if isinstance(error, MissingArtifact | CorruptArtifact):
                raise RefusedModel(str(error), temporary=True) from error
            raise StoreUnavailable(str(error)) from error
