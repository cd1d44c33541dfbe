"""The stream that is simulated: its declaration, and the names and the time that all parts of a run share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from penstock.contracts.declaration.stream import Declaration

NAMESPACE = "penstock"
STREAM = "sim"
START_MS = 1_767_600_000_000
HORIZON = timedelta(minutes=30)

_AT_ONCE: dict[str, Any] = {"mode": "at-once"}
_CANARY: dict[str, Any] = {"mode": "canary", "steps": [0.5], "outcomes": 30, "limit": 100}


def declaration_of(seed: int) -> Declaration:
    """The stream of a seed: every other one brings its models in by degrees."""
    return Declaration.model_validate(
        {
            "name": STREAM,
            "task": "binary",
            "entity": "key",
            "partitions": 2,
            "fields": {"key": {"type": "category", "feature": False}, "x": {"type": "number", "min": 0}},
            "label": {
                "name": "y",
                "classes": ["no", "yes"],
                "prior": {"no": 1, "yes": 1},
                "horizon": HORIZON,
            },
            "models": {"families": ["linear"]},
            "retrain": {"first_after": 20, "cooldown": 20, "growth": 1.5},
            "gates": {"holdout": 20},
            "rollout": _CANARY if seed % 2 else _AT_ONCE,
        }
    )
