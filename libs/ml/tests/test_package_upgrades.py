"""Packages that lack what later versions added answer as they did when they were packed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from penstock.ml.metrics.regression_loss import ABSOLUTE_ERROR
from penstock.ml.package import zip_archive
from penstock.ml.package.model_package import pack, unpack

from .model_cases import blend_of, numbers_of


def rewritten(data: bytes, change: Callable[[dict[str, Any]], object], **members: Callable[[bytes], bytes]) -> bytes:
    """The package with its manifest and members changed."""
    contents = zip_archive.read(data)
    contents |= {
        name: members[name.split("-")[0]](contents[name]) for name in contents if name.split("-")[0] in members
    }
    manifest = json.loads(contents["manifest.json"])
    change(manifest)
    manifest["sha256"] = {name: hashlib.sha256(contents[name]).hexdigest() for name in manifest["sha256"]}
    return zip_archive.write(contents | {"manifest.json": json.dumps(manifest).encode()})


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_packages_without_smoothing_and_floor_are_neither_smoothed_nor_pooled_otherwise(
    task: str, mixed: Any, later: Any
) -> None:
    blend = blend_of(mixed, task)
    blend.frozen_models = (replace(blend.frozen_models[0], smoothing=0.0),)
    blend.mixture.floor = 0.01
    before = rewritten(
        pack(blend, later.frame.take(slice(0, 20))),
        lambda manifest: manifest["mixture"].pop("floor"),
        model=lambda package: rewritten(package, lambda manifest: manifest.pop("smoothing")),
    )
    expected = numbers_of(blend.predict(later.frame))
    assert numbers_of(unpack(before).predict(later.frame)) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_packages_of_numbers_without_a_loss_have_the_absolute_error(mixed: Any, later: Any) -> None:
    blend = blend_of(mixed, "regression")

    def without_loss(manifest: dict[str, Any]) -> None:
        for part in (manifest["mixture"], *manifest["groups"]):
            del part["loss"]

    before = unpack(rewritten(pack(blend, later.frame.take(slice(0, 20))), without_loss))
    assert {before.mixture.loss, *(group.models.loss for group in before.groups)} == {ABSOLUTE_ERROR}
    assert numbers_of(before.predict(later.frame)) == pytest.approx(numbers_of(blend.predict(later.frame)))
