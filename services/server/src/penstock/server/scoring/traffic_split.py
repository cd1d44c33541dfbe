"""Which arm answers which key during a rollout: drawn by a hash, so that every process and both routes draw alike."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.records.models import RolloutStep

CHAMPION = 0


def draw_arms(rollout: RolloutStep, keys: Sequence[str]) -> NDArray[np.intp]:
    """The arm of each of n keys, shape (n,): 0 is the champion, k the rollout's k-th challenger.

    A key keeps its arm while the shares stay. A share that grows takes keys in and gives none up.
    """
    bounds = list(accumulate(challenger.share for challenger in rollout.challengers))
    points = np.array([_unit_hash(rollout.id, key) for key in keys])
    index = np.searchsorted(bounds, points, side="right")
    return np.where(index < len(bounds), index + 1, CHAMPION)


def _unit_hash(salt: str, key: str) -> float:
    """A number in [0, 1), evenly distributed over keys."""
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, key=salt.encode()[:64]).digest()
    return int.from_bytes(digest) / 2**64
