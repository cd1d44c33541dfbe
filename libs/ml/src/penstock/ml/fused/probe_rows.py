"""Rows that bring out what golden rows may not show: missing, unknown and extreme values, every level, every edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ml.features.encoding import MAX_VOCABULARY, Encoder
from penstock.ml.features.frame import Frame

_EXTREMES = (np.nan, -1e12, 1e12)
_UNEVEN = np.timedelta64(49, "h")
"""Steps of this length pass every hour, weekday and month within `MAX_VOCABULARY` of them."""


def probes(golden: Frame, encoder: Encoder, edges: Mapping[str, Sequence[float]]) -> Frame:
    """The golden rows, and rows made from them by turns.

    In some one field is missing, unknown, extreme or at an edge; in some every category and the time take their next
    level; in the last two all is missing.
    """
    changes = [change for field in encoder.fields for change in _changes(field.name, field.kind, edges)]
    rounds = max([0, *encoder.cardinalities, MAX_VOCABULARY * bool(encoder.time_parts)])
    plain, n = len(golden), len(golden) + len(changes) + rounds + 2
    made = golden.take(np.arange(n) % plain)
    for row, (name, value) in enumerate(changes, start=plain):
        made.columns[name][row] = value
    levels = slice(plain + len(changes), n - 2)
    made.times[levels] = np.datetime64(0, "ms") + np.arange(rounds) * _UNEVEN
    made.times[n - 2 :] = np.datetime64("NaT")
    for field in encoder.fields:
        texts = encoder.vocabularies.get(field.name)
        if texts:
            made.columns[field.name][levels] = [texts[turn % len(texts)] for turn in range(rounds)]
        made.columns[field.name][n - 2 :] = np.nan if field.kind == "number" else None
    return made


def _changes(name: str, kind: str, edges: Mapping[str, Sequence[float]]) -> list[tuple[str, Any]]:
    values = (*_EXTREMES, *edges.get(name, ())) if kind == "number" else (None, "\0 a level nobody has seen")
    return [(name, value) for value in values]
