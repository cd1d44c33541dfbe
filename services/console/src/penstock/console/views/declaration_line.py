"""What `stream apply` has done, in one line."""

from __future__ import annotations

from penstock.contracts.declaration.declaration_change import changed_keys, training_inputs
from penstock.contracts.declaration.declaration_order import in_order_of
from penstock.contracts.declaration.stream import Declaration

MOST_KEYS = 5


def declaration_line(before: Declaration | None, declared: Declaration) -> str:
    """What it means that `declared` was applied where `before` was in force, None for a new stream."""
    return f"{declared.name}: {_created(declared) if before is None else _changed(before, declared)}"


def _created(declared: Declaration) -> str:
    if declared.serving.challengers:
        after = f"after {declared.retrain.first_after} outcomes"
        return f"created; events bring their predictions, models of our own are tried beside them {after}"
    if declared.serving.external:
        return "created; every event brings its prediction"
    return f"created; the baseline answers until a model is trained, after {declared.retrain.first_after} outcomes"


def _changed(before: Declaration, declared: Declaration) -> str:
    after = in_order_of(before, declared)
    keys = changed_keys(before, after)
    if not keys:
        return "unchanged"
    further = f" and {len(keys) - MOST_KEYS} more" if len(keys) > MOST_KEYS else ""
    return f"changed {', '.join(keys[:MOST_KEYS])}{further}; {_consequence(before, after)}"


def _consequence(before: Declaration, after: Declaration) -> str:
    if not after.serving.trains or training_inputs(before) == training_inputs(after):
        return "models stay as they are"
    if "declaration" not in after.retrain.on:
        return "models learn something else only from the next training on: retrain.on lacks declaration"
    return f"a model is trained for it, {after.retrain.settle} outcomes from now at the earliest"
