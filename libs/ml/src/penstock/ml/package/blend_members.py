"""A blend as members of an archive: packages of its frozen models, tables of weights, and data as JSON."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.key_history import HistoryKeys
from penstock.ml.features.lag_features import LabelHistory, Lags
from penstock.ml.metrics.regression_loss import ABSOLUTE_ERROR
from penstock.ml.models.model import Model
from penstock.ml.online.additive import AdditiveModels
from penstock.ml.online.blend import BLEND, AdditiveGroup, Blend
from penstock.ml.online.expert_mixture import ExpertMixture
from penstock.ml.online.recalibration import read_recalibration

FLOOR_BEFORE = 0.01  # of probabilities in the pools of packages that state none
LOSS_BEFORE = list(ABSOLUTE_ERROR)  # and of numbers

_MODEL, _WEIGHTS, _HISTORY = "model-{}.zip", "weights-{}.npy", "history-{}.npy"


def describe_blend(blend: Blend) -> dict[str, Any]:
    """The blend's part of the manifest: everything but its models and weights, as plain data that JSON can hold."""
    recalibration = {} if blend.recalibration is None else {"recalibration": blend.recalibration.to_dict()}
    return {
        "family": BLEND,
        "task": blend.task,
        "classes": list(blend.classes),
        "encoder": blend.encoder.to_dict(),
        "lags": _describe_lags(blend.lags),
        "frozen": len(blend.frozen_models),
        "groups": [{"lagged": group.uses_lag_features, **group.models.to_dict()} for group in blend.groups],
        "mixture": blend.mixture.to_dict(),
        "known": blend.label_history.to_dict(),
        "learnt_to": blend.learnt_to,
        "details": blend.details,
        **recalibration,
    }


def write_members(blend: Blend, pack: Callable[[Model], bytes]) -> dict[str, bytes]:
    """The blend's frozen models, as `pack` makes packages of them, its weights, and the tables of its keys' history."""
    models = {_MODEL.format(number): pack(model) for number, model in enumerate(blend.frozen_models)}
    weights = {_WEIGHTS.format(number): _write_array(group.models.weights) for number, group in enumerate(blend.groups)}
    tables = enumerate(history.table for history in blend.label_history.keys)
    return models | weights | {_HISTORY.format(number): _write_array(table) for number, table in tables}


def member_names(manifest: Mapping[str, Any]) -> set[str]:
    """The members that a package with this manifest must have."""
    models = {_MODEL.format(number) for number in range(manifest["frozen"])}
    weights = {_WEIGHTS.format(number) for number in range(len(manifest["groups"]))}
    return models | weights | {_HISTORY.format(number) for number in range(_key_count(manifest))}


def read_blend(
    manifest: Mapping[str, Any],
    members: Mapping[str, bytes],
    unpack: Callable[[bytes], Model | Blend],
) -> Blend:
    """The blend that `describe_blend` and `write_members` wrote.

    Raises:
        KeyError, TypeError, ValueError: for anything else; and whatever `unpack` raises.
    """
    lags = _read_lags(manifest["lags"])
    tables = [_read_array(members[_HISTORY.format(number)]) for number in range(_key_count(manifest))]
    models = [unpack(members[_MODEL.format(number)]) for number in range(manifest["frozen"])]
    groups = [
        AdditiveGroup(
            AdditiveModels.from_dict({"loss": LOSS_BEFORE} | group, _read_array(members[_WEIGHTS.format(number)])),
            bool(group["lagged"]),
        )
        for number, group in enumerate(manifest["groups"])
    ]
    return Blend(
        task=manifest["task"],
        classes=tuple(manifest["classes"]),
        encoder=Encoder.from_dict(manifest["encoder"]),
        lags=lags,
        frozen_models=tuple(model for model in models if isinstance(model, Model)),
        groups=tuple(groups),
        mixture=ExpertMixture.from_dict({"floor": FLOOR_BEFORE, "loss": LOSS_BEFORE} | manifest["mixture"]),
        label_history=LabelHistory.from_dict(lags, manifest["known"], tables),
        learnt_to=int(manifest["learnt_to"]),
        details=manifest["details"],
        recalibration=read_recalibration(manifest["recalibration"]) if "recalibration" in manifest else None,
    )


def _read_lags(data: Mapping[str, Any]) -> Lags:
    inputs = tuple((str(name), int(k)) for name, k in data.get("inputs", ()))
    return Lags(tuple(map(int, data["back"])), int(data["mean"]), inputs, _read_history(data))


def _describe_lags(lags: Lags) -> dict[str, Any]:
    history = {"keys": lags.history.keys, "shares": lags.history.shares} if lags.history.keys else {}
    return {"back": lags.labels, "mean": lags.mean, "inputs": lags.inputs, **history}


def _read_history(data: Mapping[str, Any]) -> HistoryKeys:
    if "keys" not in data:
        return HistoryKeys()
    shares = data["shares"]
    keys = tuple(tuple(map(str, key)) for key in data["keys"])
    return HistoryKeys(keys, None if shares is None else tuple(map(str, shares)))


def _key_count(manifest: Mapping[str, Any]) -> int:
    return len(manifest["lags"].get("keys", ()))


def _write_array(weights: NDArray[np.float64]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(weights), allow_pickle=False)
    return buffer.getvalue()


def _read_array(content: bytes) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    return weights
