"""The order of what a declaration lists: another order of the same names declares nothing else."""

from __future__ import annotations

from typing import Any

from penstock.contracts.declaration.stream import Declaration

SEQUENCES = {"steps"}
"""The keys whose order says something; all other lists are sets."""


def in_order_of(old: Declaration, new: Declaration) -> Declaration:
    """The new declaration with fields, classes and all other names in the order of the old one, further ones behind.

    The order is that of a payload's attributes, of probabilities, and of what services keep: it stays as it was first
    declared.
    """
    return Declaration.model_validate(_ordered(old.model_dump(), new.model_dump()))


def _ordered(old: Any, new: Any) -> Any:
    match old, new:
        case dict(), dict():
            names = _names_in_order(old, new)
            return {name: new[name] if name in SEQUENCES else _ordered(old.get(name), new[name]) for name in names}
        case tuple(), tuple():
            return tuple(_names_in_order(old, new))
        case _:
            return new


def _names_in_order(old: Any, new: Any) -> list[Any]:
    return [name for name in old if name in new] + [name for name in new if name not in old]
