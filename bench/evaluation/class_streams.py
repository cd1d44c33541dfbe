"""Synthetic streams whose classes come, are rare, turn or fade: clusters of points in the plane and in the space.

Clusters: a class is a normal cloud around a centre, as in the generators of MOA (Bifet et al., JMLR 11, 2010). Later
classes: Masud et al.: Classification and Novel Class Detection in Concept-Drifting Data Streams, IEEE TKDE 23(6), 2011.
Rotation: the centres turn, as in Souza et al.: Data Stream Classification Guided by Clustering on Nonstationary
Environments, SDM 2015, here at once, and to and fro. A fading prior is the prior shift of Moreno-Torres et al.: A
Unifying View on Dataset Shift in Classification, Pattern Recognition 45(1), 2012.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.synthetic_columns import ROWS, Column, MixedColumns, named

DIMENSIONS = 6
COMMON_CLASSES, RARE_CLASSES, RARE_ROWS = 5, 5, 10
FIRST_SHARE, LAST_SHARE = 0.5, 0.03  # of the class that fades
ROTATING_CLASSES = 4


def later_classes(*first_rows: int) -> Callable[[np.random.Generator], MixedColumns]:
    """Clusters of one class each; class i never occurs before its first row, and then as often as any other."""

    def make(random: np.random.Generator) -> MixedColumns:
        started = np.arange(ROWS)[:, None] >= np.array(first_rows)
        label = np.argmax(np.where(started, random.random(started.shape), -1), axis=1)
        return _clusters(random, label, len(first_rows), spread=1.2)

    return make


def rare_classes(random: np.random.Generator) -> MixedColumns:
    """Five common classes, and five of ten rows each, which are as easy to tell."""
    label = random.integers(0, COMMON_CLASSES, ROWS)
    rare = random.choice(ROWS, RARE_CLASSES * RARE_ROWS, replace=False)
    label[rare] = COMMON_CLASSES + np.arange(len(rare)) % RARE_CLASSES
    return _clusters(random, label, COMMON_CLASSES + RARE_CLASSES, spread=0.8)


def rotating_clusters(turn_of_row: NDArray[np.float64]) -> Callable[[np.random.Generator], MixedColumns]:
    """Four classes around a circle, turned by an angle (in quarters) that depends on the row; one column of noise."""

    def make(random: np.random.Generator) -> MixedColumns:
        label = random.integers(0, ROTATING_CLASSES, ROWS)
        angle = 2 * np.pi * (label + turn_of_row) / ROTATING_CLASSES
        points = np.column_stack([np.cos(angle), np.sin(angle)]) * 2 + random.normal(0, 0.8, (ROWS, 2))
        return {"x": points[:, 0], "y": points[:, 1], "noise": random.normal(0, 1, ROWS), "label": named("c", label)}

    return make


def fading_prior(random: np.random.Generator) -> MixedColumns:
    """Two overlapping clusters that stay where they are, while the share of one falls from half to 3 %."""
    share = FIRST_SHARE * (LAST_SHARE / FIRST_SHARE) ** (np.arange(ROWS) / ROWS)
    return _clusters(random, (random.random(ROWS) < share).astype(np.int64), 2, spread=2.0)


def _clusters(random: np.random.Generator, label: NDArray[np.int64], classes: int, spread: float) -> MixedColumns:
    """Points around the centres of their classes, which lie in a cube of six dimensions with edges of length 4."""
    centres = random.uniform(-2, 2, (classes, DIMENSIONS))
    points: Column = centres[label] + random.normal(0, spread, (ROWS, DIMENSIONS))
    return {**{f"x{column}": points[:, column] for column in range(DIMENSIONS)}, "label": named("c", label)}
