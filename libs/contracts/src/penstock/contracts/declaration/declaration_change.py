"""What a change of a declaration means."""

from __future__ import annotations

from typing import Any

from penstock.contracts.declaration.stream import Declaration


def training_inputs(declaration: Declaration) -> object:
    """All that a model learns from, and what its decision rule follows from.

    Where two declarations differ in it, a model of one is none of the other.
    """
    label, objective = declaration.label, declaration.objective
    return (
        (declaration.task, declaration.features, label.name, label.classes, declaration.models),
        (declaration.lags, declaration.history),
        (declaration.metric, objective and objective.costs, declaration.positive_class),
    )


def changed_keys(before: Declaration, after: Declaration) -> list[str]:
    """The keys, and fields, that the second declaration sets otherwise than the first, such as `retrain.cron`."""
    return list(_changed_keys(before.model_dump(), after.model_dump()))


def _changed_keys(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    keys: list[str] = []
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            keys += [f"{name}.{key}" for key in _changed_keys(old, new)]
        elif old != new:
            keys.append(name)
    return keys
