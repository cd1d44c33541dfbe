"""A blend as members of an archive and back: packages of its frozen models, tables of weights, and data as JSON."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.encoding import Encoder
from penstock.ml.features.lag_features import LabelHistory, Lags
from penstock.ml.models.model import Model
from penstock.ml.online.additive import Additive
from penstock.ml.online.blend import BLEND, Blend, Group
from penstock.ml.online.expert_mixture import Mixture

_MODEL, _WEIGHTS = "model-{}.zip", "weights-{}.npy"


def described(blend: Blend) -> dict[str, Any]:
    """Everything about a blend but its models and weights, as plain data that JSON can hold."""
    return {
        "family": BLEND,
        "task": blend.task,
        "classes": list(blend.classes),
        "encoder": blend.encoder.to_dict(),
        "lags": {"back": blend.lags.back, "mean": blend.lags.mean, "inputs": blend.lags.inputs},
        "frozen": len(blend.frozen),
        "groups": [{"lagged": group.lagged, **group.models.to_dict()} for group in blend.groups],
        "mixture": blend.mixture.to_dict(),
        "known": blend.known.to_dict(),
        "learnt_to": blend.learnt_to,
        "details": blend.details,
    }


def members(blend: Blend, packed: Callable[[Model], bytes]) -> dict[str, bytes]:
    """The blend's models, each `packed`, and its weights."""
    models = {_MODEL.format(place): packed(model) for place, model in enumerate(blend.frozen)}
    weights = {_WEIGHTS.format(place): _table(group.models.weights) for place, group in enumerate(blend.groups)}
    return models | weights


def names(manifest: Mapping[str, Any]) -> set[str]:
    """The members that a description wants."""
    models = {_MODEL.format(place) for place in range(manifest["frozen"])}
    return models | {_WEIGHTS.format(place) for place in range(len(manifest["groups"]))}


def restored(
    manifest: Mapping[str, Any], members: Mapping[str, bytes], unpacked: Callable[[bytes], Model | Blend]
) -> Blend:
    """The blend that `described` and `members` tell of.

    Raises KeyError, TypeError or ValueError for anything else, and whatever `unpacked` raises.
    """
    told = manifest["lags"]
    inputs = tuple((str(name), int(k)) for name, k in told.get("inputs", ()))
    lags = Lags(tuple(map(int, told["back"])), int(told["mean"]), inputs)
    frozen = [unpacked(members[_MODEL.format(place)]) for place in range(manifest["frozen"])]
    groups = [
        Group(Additive.from_dict(group, _weights(members[_WEIGHTS.format(place)])), bool(group["lagged"]))
        for place, group in enumerate(manifest["groups"])
    ]
    return Blend(
        task=manifest["task"],
        classes=tuple(manifest["classes"]),
        encoder=Encoder.from_dict(manifest["encoder"]),
        lags=lags,
        frozen=tuple(model for model in frozen if isinstance(model, Model)),
        groups=tuple(groups),
        mixture=Mixture.from_dict(manifest["mixture"]),
        known=LabelHistory.from_dict(lags, manifest["known"]),
        learnt_to=int(manifest["learnt_to"]),
        details=manifest["details"],
    )


def _table(weights: NDArray[np.float64]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(weights), allow_pickle=False)
    return buffer.getvalue()


def _weights(content: bytes) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    return weights
