"""Who answers whom while models are on trial: by a hash, so that both routes and every process draw the same."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.records.models import RolloutStep

CHAMPION = 0


def drawn(trial: RolloutStep, keys: Sequence[str]) -> NDArray[np.intp]:
    """For each of n keys 0 for the champion, or the place of a challenger, counted from 1.

    A key, its entity or else the event's id, keeps its model while its share lasts; a share that grows takes keys in
    and gives none up.
    """
    bounds = list(accumulate(challenger.share for challenger in trial.challengers))
    points = np.array([_point(trial.id, key) for key in keys])
    place = np.searchsorted(bounds, points, side="right")
    return np.where(place < len(bounds), place + 1, CHAMPION)


def _point(salt: str, key: str) -> float:
    """Where in [0, 1) the key lies."""
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, key=salt.encode()[:64]).digest()
    return int.from_bytes(digest) / 2**64
