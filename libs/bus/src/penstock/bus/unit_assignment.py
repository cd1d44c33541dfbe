"""How the units of a group are assigned to its members: evenly, and moving as few as possible."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from penstock.bus.routes import Unit

Assignment = dict[str, list[Unit]]
"""The units of each member."""


def unit_of(topic: str, partition: int, namespace: str) -> Unit:
    """The unit of a topic partition: topics of one stream share it, as do control topics."""
    stream, _, short_name = topic.removeprefix(f"{namespace}.").rpartition(".")
    return Unit(stream or None, partition) if short_name else Unit(None, partition)


def assign_units(
    units: Collection[Unit], members: Collection[str], previous: Mapping[str, Collection[Unit]]
) -> Assignment:
    """Assign every unit to one of the members; `previous` are the units that each owned before.

    A unit stays where it was unless that member would have more than its even share; the others go to whoever has
    fewest, in a fixed order, so that every leader decides the same.

    >>> assign_units([Unit("s", 0), Unit("s", 1)], ["a", "b"], {"a": [Unit("s", 0), Unit("s", 1)]})
    {'a': [Unit(stream='s', partition=0)], 'b': [Unit(stream='s', partition=1)]}
    """
    names = sorted(members)
    assignment: Assignment = {name: [] for name in names}
    if not names:
        return assignment
    unassigned = _keep_previous(assignment, sort_units(units), previous)
    for unit in unassigned:
        fewest = min(names, key=lambda name: (len(assignment[name]), name))
        assignment[fewest].append(unit)
    return {name: sort_units(share) for name, share in assignment.items()}


def _keep_previous(
    assignment: Assignment, units: Collection[Unit], previous: Mapping[str, Collection[Unit]]
) -> list[Unit]:
    """Assign units to their previous owners up to an even share; the units that are left."""
    even_share, larger_shares = divmod(len(units), len(assignment))
    unassigned = []
    for unit in units:
        owner = next((name for name in assignment if unit in previous.get(name, ())), None)
        if owner is not None and len(assignment[owner]) < even_share:
            assignment[owner].append(unit)
        elif owner is not None and len(assignment[owner]) == even_share and larger_shares > 0:
            assignment[owner].append(unit)
            larger_shares -= 1
        else:
            unassigned.append(unit)
    return unassigned


def sort_units(units: Iterable[Unit]) -> list[Unit]:
    """Units in a fixed order: by stream, the control plane first, then by partition."""
    return sorted(units, key=lambda unit: (unit.stream or "", unit.partition))
