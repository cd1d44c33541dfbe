"""From an epoch's record to a model that may serve: fetch, verify, unpack, check. Everything here blocks."""

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
from penstock.ml.package.model_package import UnusablePackage, unpack
from penstock.server.models.local_copy import LocalModelCopies
from penstock.server.models.schema_check import schema_mismatch


class RefusedModel(Exception):
    """The model must not serve; `temporary` when the store may yet come to hold what was signed."""

    def __init__(self, reason: str, temporary: bool = False) -> None:
        super().__init__(reason)
        self.temporary = temporary


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

    def load(self, record: ModelEpoch, version: ModelVersion, declaration: Declaration) -> Model | Blend:
        """Load a model of an epoch, and if it is the champion save a local copy.

        Raises:
            RefusedModel: it must not serve.
            StoreUnavailable: it cannot be fetched for now.
        """
        self._check_signature(record.stream, version)
        artifact = self._fetch(record.stream, version.digest)
        model = _open(artifact, declaration)
        if version is record.champion:
            self.local_copies.save(record, artifact)
        return model

    def save_copy(self, record: ModelEpoch) -> None:
        """Save a local copy of a champion that is loaded already; if the store is away the copy before it stays."""
        with suppress(ArtifactError):
            self.local_copies.save(record, self.store.get(record.champion.digest))

    def load_copy(self, stream: str, declaration: Declaration) -> tuple[ModelEpoch, Model | Blend] | None:
        """Load the stream's local copy, verified anew; None when there is none that may serve."""
        copy = self.local_copies.read(stream)
        if copy is None:
            return None
        record, artifact = copy
        if record.stream != stream or digest_of(artifact) != record.champion.digest:
            return None
        try:
            self._check_signature(stream, record.champion)
            return record, _open(artifact, declaration)
        except RefusedModel:
            return None

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


def _open(artifact: bytes, declaration: Declaration) -> Model | Blend:
    """Unpack the model, which repeats its golden rows (that also warms it up), and check it against the declaration."""
    try:
        model = unpack(artifact)
    except UnusablePackage as error:
        raise RefusedModel(str(error)) from error
    mismatch = schema_mismatch(model, declaration)
    if mismatch:
        raise RefusedModel(f"the model does not fit the stream: {mismatch}")
    return model
