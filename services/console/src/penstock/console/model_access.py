"""Opening the models of a deployment: where they are stored, and whose signatures are trusted."""

from __future__ import annotations

import tempfile
from pathlib import Path

from penstock.artifacts import ArtifactError, Verifier, open_store
from penstock.console.deployment import Deployment
from penstock.console.failure import ConsoleFailure
from penstock.console.home import home_from_environment
from penstock.console.remote_deployment import artifacts_of
from penstock.server.models.model_loader import ModelLoader


def open_model_loader(deployment: Deployment) -> ModelLoader:
    """A loader of a deployment's models, which opens none that no trusted key has signed.

    Raises:
        ConsoleFailure: the keys or the store cannot be used.
    """
    try:
        return ModelLoader(open_store(artifacts_of(deployment)), _verifier(deployment))
    except ArtifactError as error:
        raise ConsoleFailure(f"The models of this deployment cannot be opened: {error}") from error


def _verifier(deployment: Deployment) -> Verifier:
    if not deployment.remote:
        return Verifier.from_file(home_from_environment().trusted_keys)
    with tempfile.TemporaryDirectory(prefix="penstock-keys-") as folder:
        file = Path(folder) / "trusted.pem"
        file.write_text(deployment.trusted_keys)
        return Verifier.from_file(file)
