"""The artifact store and the key files that the settings name."""

from __future__ import annotations

from penstock.artifacts import ArtifactError, Seal, Verifier, open_store
from penstock.runtime.settings import SettingsError
from penstock.server.models.local_copy import LocalModelCopies
from penstock.server.models.model_loader import ModelLoader
from penstock.server.settings import HttpSettings, ModelSettings


def open_loader(settings: ModelSettings) -> ModelLoader:
    """The loader over the artifact store, the trusted keys and the data folder.

    Raises:
        SettingsError: the key file or the store cannot be used.
    """
    if settings.trusted_keys is None:
        raise SettingsError("PENSTOCK_TRUSTED_KEYS: expected the file with the public keys that models are signed by")
    try:
        verifier = Verifier.from_file(settings.trusted_keys)
    except ArtifactError as error:
        raise SettingsError(f"PENSTOCK_TRUSTED_KEYS: {error}") from error
    try:
        store = open_store(settings.artifacts)
    except ArtifactError as error:
        raise SettingsError(f"PENSTOCK_ARTIFACTS: {error}") from error
    return ModelLoader(store, verifier, LocalModelCopies(settings.data_folder / "models"))


def open_seal(settings: HttpSettings) -> Seal:
    """The seal on predictions that are made over HTTP.

    Raises:
        SettingsError: its key cannot be read.
    """
    if settings.answer_key is None:
        raise SettingsError("PENSTOCK_ANSWER_KEY: expected the file with the key that answers are sealed by")
    try:
        return Seal.from_file(settings.answer_key)
    except ArtifactError as error:
        raise SettingsError(f"PENSTOCK_ANSWER_KEY: {error}") from error
