"""A candidate's model in the store: its package, its profile, and what it costs to ask it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penstock.artifacts import Store
from penstock.contracts.records.training import CalibrationParameters, Evaluation
from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.features.frame import Field, Frame
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.ml.package.model_package import pack, unpack
from penstock.trainer.evaluation.scoring_time import latency_p99_ms, scoring_seconds
from penstock.trainer.job import TrainedModel

GOLDEN_ROWS = 32
PROFILE_FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class StoredModel:
    """A model, the digests of its package and profile, the package's size, and what answers take."""

    model: Model | Blend
    digest: str
    profile: str
    size: int
    scoring_seconds: float
    latency_p99_ms: float

    def of(self, *, rows: int, learnt_from: int, evaluation: Evaluation) -> TrainedModel:
        """The model as the result of a training on so many rows, with its evaluation."""
        rule = {"decision_costs": self.model.decision_costs, "calibration": _calibration_parameters(self.model)}
        return TrainedModel(
            family=self.model.family,
            digest=self.digest,
            profile=self.profile,
            size=self.size,
            rows=rows,
            learnt_from=learnt_from,
            evaluation=evaluation.model_copy(update=rule),
            scoring_seconds=self.scoring_seconds,
            latency_p99_ms=self.latency_p99_ms,
        )


def store_model(store: Store, model: Model | Blend, fields: Sequence[Field], frame: Frame, rows: slice) -> StoredModel:
    """Put a model's package and the profile of the fields, by these rows of the frame, into the store, and measure it.

    The profile is that of the training rows: what drift is measured against.
    """
    package = pack(model, frame.take(golden_rows(rows)))
    served = unpack(package)
    return StoredModel(
        model=model,
        digest=store.put(package),
        profile=store.put(_profile(fields, frame.take(rows))),
        size=len(package),
        scoring_seconds=scoring_seconds(served, frame),
        latency_p99_ms=latency_p99_ms(served, frame),
    )


def golden_rows(rows: slice) -> list[int]:
    """Evenly spread rows, from the first to the last."""
    return sorted({int(row) for row in np.linspace(rows.start, rows.stop - 1, GOLDEN_ROWS)})


def _calibration_parameters(model: Model | Blend) -> CalibrationParameters | None:
    if model.calibration is None:
        return None
    biases = dict(zip(model.classes, model.calibration.biases, strict=True))
    return CalibrationParameters(scale=model.calibration.scale, biases=biases)


def _profile(fields: Sequence[Field], frame: Frame) -> bytes:
    bins = {field.name: ReferenceBins.of(frame.columns[field.name], field.kind).to_dict() for field in fields}
    profile = {"format": PROFILE_FORMAT, "fields": bins}
    return json.dumps(profile, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
