"""A model as one file: written deterministically, checked before anything in it is used.

The file is an uncompressed zip of `manifest.json`, the estimator (`estimator_members`; none for a constant,
which is data in the manifest) and `golden.json`; that of a blend holds packages of its frozen models and
tables of weights in the estimator's place. Format 2 adds decision costs, format 3 a calibration and target
statistics, format 4 models that were not trained here: releases that would answer otherwise refuse them. A
package does not show who made it: signatures are checked before `unpack`, over the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Frame
from penstock.ml.fused.fusion import fuse
from penstock.ml.models.calibration import Calibration
from penstock.ml.models.constant import Constant
from penstock.ml.models.decision_costs import checked_costs
from penstock.ml.models.frame_estimator import FrameEstimator
from penstock.ml.models.model import Model
from penstock.ml.models.onnx_graph import MissingRuntime
from penstock.ml.online.blend import BLEND, Blend
from penstock.ml.package import blend_members, estimator_bytes, estimator_members, golden_rows, zip_archive
from penstock.ml.package.graph_check import BadGraph

FORMAT, FORMAT_WITH_COSTS, FORMAT_WITH_CALIBRATION, NEWEST_FORMAT = 1, 2, 3, 4
MAX_BYTES = 256 * 1024 * 1024
MANIFEST, GOLDEN = "manifest.json", "golden.json"

_LIBRARIES = {name: version(name) for name in ("numpy", "scikit-learn", "scipy", "skops")}


class UnusablePackage(ValueError):
    """A package that must not be loaded; the message says why."""


def pack(model: Model | Blend, golden: Frame) -> bytes:
    """The model and its answers to the golden rows as bytes; equal models give equal bytes.

    The manifest also names the fused form by which the model will answer where it is loaded, or why there is none. The
    golden rows are kept in the package as they are.

    Raises:
        ValueError: a trained model comes without golden rows, or the package would exceed `MAX_BYTES`.
    """
    if not _is_constant(model) and not len(golden):
        raise ValueError("a trained model needs at least one golden row")
    if isinstance(model, Blend):
        members = blend_members.write_members(model, lambda frozen: pack(frozen, golden))
        description = blend_members.describe_blend(model)
        members[GOLDEN] = _json(golden_rows.record(model, golden))
    else:
        members = {} if _is_constant(model) else estimator_members.write_estimator(model.estimator)
        description = _describe_model(fuse(model, golden))
        members[GOLDEN] = _json(golden_rows.record(replace(model, fusion=None), golden))
    data = zip_archive.write({MANIFEST: _json(_manifest(model, description, members))} | members)
    if len(data) > MAX_BYTES:
        raise ValueError(f"the package takes {len(data)} bytes, more than the {MAX_BYTES} allowed")
    return data


def unpack(data: bytes) -> Model | Blend:
    """The model in a package, fused where possible; it must answer the golden rows as it did when it was packed.

    Raises:
        UnusablePackage: `pack` did not write this. Nothing else is raised.
    """
    return unpack_with_golden(data)[0]


def unpack_with_golden(data: bytes) -> tuple[Model | Blend, Frame]:
    """The model in a package as `unpack` gives it, and its golden rows: rows of its training that are known.

    Raises:
        UnusablePackage: see `unpack`.
    """
    if len(data) > MAX_BYTES:
        raise UnusablePackage(f"the package takes {len(data)} bytes, more than the {MAX_BYTES} allowed")
    try:
        members = zip_archive.read(data)
        manifest = _checked_manifest(members)
        model = _read_model(manifest, members)
        recorded = json.loads(members[GOLDEN])
        rows = golden_rows.rows(recorded, model.inputs)
        problem = golden_rows.mismatch(model, rows, recorded)
    except UnusablePackage:
        raise
    except (zip_archive.BadArchive, estimator_bytes.UntrustedEstimator, BadGraph, MissingRuntime) as error:
        raise UnusablePackage(f"the package is refused: {error}") from None
    except Exception as error:  # crafted content can make anything fail
        raise UnusablePackage(f"the package holds no usable model: {type(error).__name__}: {error}") from None
    if problem:
        raise UnusablePackage(f"the package is refused: {problem}")
    return (model if isinstance(model, Blend) else fuse(model, rows)), rows


def _is_constant(model: Model | Blend) -> bool:
    return isinstance(model, Model) and isinstance(model.estimator, Constant)


def _manifest(model: Model | Blend, description: dict[str, Any], members: dict[str, bytes]) -> dict[str, Any]:
    return {
        "format": _format_of(model),
        **description,
        **_describe_answer(model),
        "libraries": {} if description.get("constant") else _LIBRARIES | estimator_members.libraries_of(model.family),
        "size": sum(map(len, members.values())),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
    }


def _format_of(model: Model | Blend) -> int:
    if isinstance(model, Model) and isinstance(model.estimator, FrameEstimator):
        return NEWEST_FORMAT
    if model.calibration is not None or model.encoder.statistics:
        return FORMAT_WITH_CALIBRATION
    return FORMAT if model.decision_costs is None else FORMAT_WITH_COSTS


def _describe_answer(model: Model | Blend) -> dict[str, Any]:
    """What is made of the probabilities, as far as anything is."""
    costs, calibration = model.decision_costs, model.calibration
    return ({} if costs is None else {"decision_costs": costs}) | (
        {} if calibration is None else {"calibration": calibration.to_dict()}
    )


def _describe_model(model: Model) -> dict[str, Any]:
    return {
        "family": model.family,
        "task": model.task,
        "classes": list(model.classes),
        "encoder": model.encoder.to_dict(),
        "constant": list(model.estimator.answer) if _is_constant(model) else None,
        "details": model.details,
        "smoothing": model.smoothing,
        "fused": model.fused,
        "unfused": model.unfused_reason,
        **estimator_members.describe_estimator(model.estimator),
    }


def _checked_manifest(members: dict[str, bytes]) -> dict[str, Any]:
    if MANIFEST not in members:
        raise UnusablePackage(f"the package has no {MANIFEST}")
    manifest: dict[str, Any] = json.loads(members[MANIFEST])
    if manifest["format"] not in range(FORMAT, NEWEST_FORMAT + 1):
        known = f"this version reads {FORMAT} to {NEWEST_FORMAT}"
        raise UnusablePackage(f"the package has format {manifest['format']!r}, {known}")
    expected = {MANIFEST, GOLDEN} | _estimator_members(manifest)
    if set(members) != expected:
        raise UnusablePackage(f"the package holds {sorted(members)}, expected {sorted(expected)}")
    for name in expected - {MANIFEST}:
        if hashlib.sha256(members[name]).hexdigest() != manifest["sha256"].get(name):
            raise UnusablePackage(f"the package's {name} is not the one its manifest names")
    _check_libraries(manifest["libraries"], _LIBRARIES | estimator_members.libraries_of(manifest["family"]))
    return manifest


def _estimator_members(manifest: dict[str, Any]) -> set[str]:
    if manifest["family"] == BLEND:
        return blend_members.member_names(manifest)
    return {estimator_members.member_name(manifest["family"])} if manifest["constant"] is None else set()


def _check_libraries(versions: dict[str, str], installed: dict[str, str]) -> None:
    for name, version_there in versions.items():
        here = installed.get(name)
        if here is None or _release(version_there) > _release(here):
            raise UnusablePackage(
                f"the package was made with {name} {version_there}, newer than the {here} installed here"
            )


def _release(full_version: str) -> tuple[int, int]:
    major, minor = full_version.split(".")[:2]
    return int(major), int(minor)


def _read_model(manifest: dict[str, Any], members: dict[str, bytes]) -> Model | Blend:
    constant = manifest.get("constant")
    if constant is None and not json.loads(members[GOLDEN])["values"]:
        raise UnusablePackage("the package holds no golden row to try the model on")
    if manifest["family"] == BLEND:
        model: Model | Blend = blend_members.read_blend(manifest, members, unpack)
    else:
        model = _read_single(manifest, members)
    return _with_answer(model, manifest)


def _read_single(manifest: dict[str, Any], members: dict[str, bytes]) -> Model:
    constant = manifest["constant"]
    encoder = Encoder.from_dict(manifest["encoder"])
    estimator = (
        estimator_members.read_estimator(manifest, members, encoder) if constant is None else Constant(tuple(constant))
    )
    return Model(
        family=manifest["family"],
        task=manifest["task"],
        classes=tuple(manifest["classes"]),
        encoder=encoder,
        estimator=estimator,
        details=manifest["details"],
        smoothing=float(manifest.get("smoothing", 0.0)),
    )


def _with_answer(model: Model | Blend, manifest: dict[str, Any]) -> Model | Blend:
    """With what `_describe_answer` wrote; format 1 holds nothing of it."""
    k, fmt = len(model.classes), manifest["format"]
    if fmt == FORMAT_WITH_COSTS or (fmt > FORMAT_WITH_COSTS and "decision_costs" in manifest):
        model = replace(model, decision_costs=checked_costs(manifest["decision_costs"], k))
    if fmt >= FORMAT_WITH_CALIBRATION and "calibration" in manifest:
        model = replace(model, calibration=Calibration.from_dict(manifest["calibration"], k))
    return model


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
