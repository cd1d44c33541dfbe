"""The folder that `penstock model export --sklearn` writes, as an archive."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from penstock.contracts.records.models import ModelVersion
from penstock.server.models.model_loader import ModelLoader


def write_archive(
    models: ModelLoader, stream: str, view: Mapping[str, Any], member: int | None, file: IO[bytes]
) -> None:
    """Write the version that the registry's `view` tells of, or a member of its blend, once it is proven.

    Raises:
        ConsoleFailure: it cannot be opened, or is no scikit-learn estimator.
    """
    from penstock.console.export.exported_version import open_version  # noqa: PLC0415 (it imports scikit-learn)
    from penstock.console.export.model_folder import write_folder  # noqa: PLC0415
    from penstock.console.export.sklearn_folder import write_sklearn  # noqa: PLC0415

    exported = open_version(models, stream, ModelVersion.model_validate(view["model"]), member)
    with tempfile.TemporaryDirectory(prefix="penstock-export-") as temporary:
        output = Path(temporary, "model")
        write_folder(output, lambda folder: write_sklearn(folder, exported))
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(output.iterdir()):
                archive.write(path, path.name)
