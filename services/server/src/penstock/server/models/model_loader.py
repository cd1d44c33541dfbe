"""From an epoch's record to a model that may answer: fetch, verify, unpack, try. Everything here blocks."""

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
from penstock.server.models.local_copy import KeptModels
from penstock.server.models.schema_check import misfit


class RefusedModel(Exception):
    """The model must not serve; `passing` when the store may yet come to hold what was signed."""

    def __init__(self, reason: str, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


class StoreAway(Exception):
    """The store does not answer for now."""


@dataclass(frozen=True)
class Loader:
    """Loads models from a store, trusting nothing that is not signed by a trusted key."""

    store: Store
    verifier: Verifier
    kept: KeptModels = field(default_factory=KeptModels)

    def load(self, record: ModelEpoch, version: ModelVersion, declaration: Declaration) -> Model | Blend:
        """A model of an epoch; of the champion a copy is kept for a restart.

        Raises RefusedModel when it must not serve, StoreAway when it cannot be had for now.
        """
        self._check_signature(record.stream, version)
        artifact = self._fetch(record.stream, version.digest)
        model = _opened(artifact, declaration)
        if version is record.champion:
            self.kept.keep(record, artifact)
        return model

    def keep(self, record: ModelEpoch) -> None:
        """Keep a copy of a champion that need not be loaded; without the store the copy before it stays."""
        with suppress(ArtifactError):
            self.kept.keep(record, self.store.get(record.champion.digest))

    def recall(self, stream: str, declaration: Declaration) -> tuple[ModelEpoch, Model | Blend] | None:
        """The last model that was loaded here, verified anew; None when there is none that may serve."""
        kept = self.kept.recall(stream)
        if kept is None:
            return None
        record, artifact = kept
        if record.stream != stream or digest_of(artifact) != record.champion.digest:
            return None
        try:
            self._check_signature(stream, record.champion)
            return record, _opened(artifact, declaration)
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
            kept = self.kept.recall(stream)
            if kept is not None and digest_of(kept[1]) == digest:
                return kept[1]
            if isinstance(error, MissingArtifact | CorruptArtifact):
                raise RefusedModel(str(error), passing=True) from error
            raise StoreAway(str(error)) from error


def _opened(artifact: bytes, declaration: Declaration) -> Model | Blend:
    """The model, after it answered its golden rows (which also warms it) and was found to fit the stream."""
    try:
        model = unpack(artifact)
    except UnusablePackage as error:
        raise RefusedModel(str(error)) from error
    problem = misfit(model, declaration)
    if problem:
        raise RefusedModel(f"the model does not fit the stream: {problem}")
    return model
