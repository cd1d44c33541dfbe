"""Profiles as bytes, from the artifact store, and of the champion."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from penstock.artifacts import ArtifactError, MemoryStore
from penstock.bus.errors import TransientError
from penstock.drift_detector.drift.champions import Champions
from penstock.drift_detector.drift.profile_store import ProfileStore
from penstock.drift_detector.drift.profiles import BadProfile, Profile, read_profile
from penstock.ml.drift.reference_bins import ReferenceBins

PROFILE: Profile = {"load": ReferenceBins.of(np.arange(100.0), "number")}
CONTENT = json.dumps({"format": 1, "fields": {"load": PROFILE["load"].to_dict()}}).encode()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": 2}', b'{"format": 1, "fields": {"a": {}}}', b"\xff"])
def test_bytes_that_are_not_a_profile_are_refused(content: bytes) -> None:
    with pytest.raises(BadProfile):
        read_profile(content)


async def test_a_corrupt_profile_counts_as_none_and_an_unavailable_store_is_a_transient_error() -> None:
    class UnavailableStore(MemoryStore):
        def get(self, digest: str) -> bytes:
            raise ArtifactError(f"no answer for {digest}")

    store = MemoryStore()
    assert await ProfileStore(store).load(store.put(CONTENT)) == PROFILE
    assert await ProfileStore(store).load(store.put(b"corrupt")) is None
    assert await ProfileStore(store).load("sha256:" + 64 * "0") is None
    with pytest.raises(TransientError, match="cannot be read"):
        await ProfileStore(UnavailableStore()).load("sha256:" + 64 * "0")


def test_the_champion_is_of_the_highest_epoch(make: Any) -> None:
    champions = Champions()
    assert champions.profile("power") is None
    for epoch, profile in ((0, None), (2, "b"), (1, "a"), (3, "b")):
        champions.apply(make.epoch(epoch, profile))
    assert (champions.profile("power"), champions.epoch_of("power", "b"), champions.epochs()) == ("b", 3, {"power": 3})
