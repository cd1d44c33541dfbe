"""Probe rows: missing, unknown and extreme values, every level and every edge, which golden rows may not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penstock.ml.features.feature_encoder import MAX_VOCABULARY, Encoder
from penstock.ml.features.frame import Frame

_EXTREMES = (np.nan, -1e12, 1e12)
_UNEVEN = np.timedelta64(49, "h")
"""Steps of this length pass every hour, weekday and month within `MAX_VOCABULARY` of them."""


def probe_rows(golden: Frame, encoder: Encoder, edges: Mapping[str, Sequence[float]]) -> Frame:
    """The golden rows, and further rows made from them in turn.

    In some rows one field is missing, unknown, extreme or at an edge; in some every category and the time take their
    next level; in the last two everything is missing.
    """
    changes = [change for field in encoder.fields for change in _changes(field.name, field.kind, edges)]
    rounds = max([0, *encoder.cardinalities, MAX_VOCABULARY * bool(encoder.time_parts)])
    plain, n = len(golden), len(golden) + len(changes) + rounds + 2
    rows = golden.take(np.arange(n) % plain)
    for row, (name, value) in enumerate(changes, start=plain):
        rows.columns[name][row] = value
    levels = slice(plain + len(changes), n - 2)
    rows.times[levels] = np.datetime64(0, "ms") + np.arange(rounds) * _UNEVEN
    rows.times[n - 2 :] = np.datetime64("NaT")
    for field in encoder.fields:
        texts = encoder.vocabularies.get(field.name)
        if texts:
            rows.columns[field.name][levels] = [texts[turn % len(texts)] for turn in range(rounds)]
        rows.columns[field.name][n - 2 :] = np.nan if field.kind == "number" else None
    return rows


def _changes(name: str, kind: str, edges: Mapping[str, Sequence[float]]) -> list[tuple[str, Any]]:
    values = (*_EXTREMES, *edges.get(name, ())) if kind == "number" else (None, "\0 a level nobody has seen")
    return [(name, value) for value in values]
