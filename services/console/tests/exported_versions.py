"""Versions as they are opened for an export: trained on rows with what is hard, signed, and in a store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from penstock.artifacts import FileStore, Signer, Verifier, digest_of
from penstock.console.export.exported_version import ExportedVersion, open_version
from penstock.contracts.records.models import ModelVersion, subject_of
from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.models.calibration import Calibration
from penstock.ml.models.families import fit
from penstock.ml.models.model import Model
from penstock.ml.models.training_data import TrainingData
from penstock.ml.package import model_package
from penstock.server.models.model_loader import ModelLoader

COUNT = 400
FIELDS = (Field("amount", "number"), Field("time", "number"), Field("town", "category"), Field("shop", "category"))


def frame() -> Frame:
    """Rows with values missing, more shops than have a code, and times over the change of clocks."""
    draw = np.random.default_rng(3)
    amounts = draw.lognormal(3, 2, COUNT)
    amounts[::11] = np.nan
    towns = [None if one % 13 == 0 else f"town-{draw.integers(6)}" for one in range(COUNT)]
    columns = {
        "amount": amounts,
        "time": draw.normal(size=COUNT),
        "town": column("category", towns),
        "shop": column("category", [f"shop-{draw.integers(300)}" for _ in range(COUNT)]),
    }
    return Frame(columns, times((np.arange(COUNT) * 5_000_003_000).tolist()))


def labels(rows: Frame, task: str) -> list[Any]:
    scores = np.nan_to_num(np.log(rows.columns["amount"])) + rows.columns["time"]
    if task == "regression":
        return scores.tolist()
    bounds = [3.0] if task == "binary" else [2.0, 4.0]
    return [("low", "middle", "high")[place] for place in np.searchsorted(bounds, scores)]


def trained(family: str, task: Any) -> Model:
    rows = frame()
    classes = {"binary": ("low", "middle"), "multiclass": ("low", "middle", "high")}.get(task, ())
    data = TrainingData(
        rows,
        labels(rows, task),
        FIELDS,
        task,
        classes,
        time_parts=("hour", "weekday", "yearday", "month"),
        zone="Europe/Paris",
    )
    model = fit(family, data)
    if task == "binary":
        return replace(model, calibration=Calibration(0.8, (0.1, -0.1)), decision_costs=((0.0, 1.0), (5.0, 0.0)))
    return model


def exported(model: Any, folder: Path, member: int | None = None) -> ExportedVersion:
    """A version as it is opened for an export, from a store in which it was signed."""
    key, store = Ed25519PrivateKey.generate(), FileStore(folder / "store")
    artifact = model_package.pack(model, frame().take(np.arange(64)))
    digest = store.put(artifact)
    assert digest == digest_of(artifact)
    envelope = Signer(key).sign(subject_of("loans", "run-1"), digest, "test/v1", {})
    version = ModelVersion(
        name="loans", version=4, family=model.family, digest=digest, envelope=envelope, run="run-1", schema_version=1
    )
    return open_version(ModelLoader(store, Verifier([key.public_key()])), "loans", version, member)
