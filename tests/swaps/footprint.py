"""What the server's and the registry's processes hold, sample by sample, and whether it grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import psutil
from scipy.stats import theilslopes

from tests.staging.stage import Stage

LARGEST_GROWTH = 0.05
SETTLED = 0.25  # the share of the samples at the beginning that do not count: caches fill


class Footprint(NamedTuple):
    """Of one process at one moment: unshared memory in bytes, open file descriptors, threads."""

    memory: int
    descriptors: int
    threads: int


class Growth(NamedTuple):
    """How much of a quantity's median it gained from the first sample that counts to the last, by its median slope."""

    quantity: str
    first: float
    last: float
    share: float

    @property
    def is_large(self) -> bool:
        """Whether it is more than a connection or two that come and go."""
        return self.share > LARGEST_GROWTH and self.last - self.first > 2


def processes(stage: Stage) -> dict[str, psutil.Process]:
    """Those that hold models or say which serve."""
    return {
        "server, HTTP": stage.server_child("http"),
        "server, streams": stage.server_child("stream"),
        "registry": stage.process("registry"),
        "drift-detector": stage.process("drift-detector"),
    }


def footprint(process: psutil.Process) -> Footprint:
    """That of a process now."""
    with process.oneshot():
        return Footprint(process.memory_full_info().uss, process.num_fds(), process.num_threads())


def growth(samples: Sequence[Footprint]) -> list[Growth]:
    """The growth of each quantity, by the median of the slopes of all pairs of samples (Theil and Sen).

    >>> [round(each.share, 2) for each in growth([Footprint(100 + n, 7, 3) for n in range(100)])]
    [0.46, 0.0, 0.0]
    """
    settled = np.asarray(samples[int(SETTLED * len(samples)) :], dtype=float)
    columns: Mapping[str, np.ndarray] = dict(zip(Footprint._fields, settled.T, strict=True))
    return [
        Growth(name, values[0], values[-1], theilslopes(values).slope * (len(values) - 1) / np.median(values))
        for name, values in columns.items()
    ]
