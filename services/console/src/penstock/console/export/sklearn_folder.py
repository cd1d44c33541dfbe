"""A model as its scikit-learn estimator, with a module that makes its input of rows; MLflow's pyfunc opens it too."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import skops.io

from penstock.client import exported_model
from penstock.console.export.exported_version import ExportedVersion
from penstock.console.export.folder_text import readme
from penstock.console.export.model_folder import describe, write_common
from penstock.console.failure import ConsoleFailure
from penstock.ml.features.frame import Frame
from penstock.ml.package import estimator_bytes

TOLERANCE = 1e-12
LIBRARIES = ("numpy", "scikit-learn", "scipy", "skops")
MODULE = "penstock_model"


def write_sklearn(folder: Path, exported: ExportedVersion) -> float:
    """Write a model into a folder, open what was written, and compare; the largest difference of a number.

    Raises:
        ConsoleFailure: it does not answer as the version does.
    """
    estimator = estimator_bytes.dump(exported.model.estimator)
    (folder / "model.skops").write_bytes(estimator)
    (folder / f"{MODULE}.py").write_bytes(Path(exported_model.__file__).read_bytes())
    requirements = [f"{name}=={version(name)}" for name in LIBRARIES] + ["tzdata"]
    (folder / "requirements.txt").write_text("\n".join(requirements) + "\n", encoding="utf-8")
    (folder / "MLmodel").write_text(_mlmodel(exported), encoding="utf-8")
    (folder / "README.md").write_text(readme(exported), encoding="utf-8")
    types = sorted(skops.io.get_untrusted_types(data=estimator))
    write_common(folder, exported, describe(exported) | {"types": types})
    return prove(folder, exported)


def prove(folder: Path, exported: ExportedVersion) -> float:
    """The largest difference between the numbers of the model in a folder, and the version's, on its probe rows.

    Raises:
        ConsoleFailure: they differ by more than `TOLERANCE` of the number and of the largest, or in an answer.
    """
    rows = exported.probe()
    expected = exported.model.predict(rows)
    opened = open_module(folder, MODULE).open_model(folder)
    answers = opened.predict(_plain_rows(rows, exported.time))
    numbers = opened.numbers(_plain_rows(rows, exported.time))
    wanted = np.array(expected.values) if expected.probabilities is None else expected.probabilities
    difference = float(np.abs(numbers - wanted).max(initial=0.0))
    if difference > TOLERANCE * max(1.0, float(np.abs(wanted).max(initial=0.0))):
        raise ConsoleFailure(
            f"{exported.name}: the numbers of what was written differ by up to {difference:.1e}; not kept"
        )
    if exported.model.classes and list(answers["prediction"]) != expected.values:
        raise ConsoleFailure(f"{exported.name}: what was written answers another class to some row; not kept")
    return difference


def _plain_rows(rows: Frame, time: str) -> dict[str, Any]:
    return {**rows.columns, time: rows.times}


def open_module(folder: Path, name: str) -> Any:
    """A module as it was written, not the one that it was written from."""
    spec = spec_from_file_location(f"{name}_of_an_export", folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _mlmodel(exported: ExportedVersion) -> str:
    """The file by which MLflow knows a model; JSON is YAML."""
    flavour = {"loader_module": MODULE, "code": ".", "python_version": platform.python_version()}
    metadata = {"stream": exported.stream, "version": exported.version.version, "digest": exported.version.digest}
    return json.dumps({"flavors": {"python_function": flavour}, "metadata": metadata}, indent=1) + "\n"
