"""How the members of a group share its units: evenly, and moving as little as possible."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from penstock.bus.routes import Unit

Shares = dict[str, list[Unit]]


def share_out(
    units: Collection[Unit],
    members: Collection[str],
    held: Mapping[str, Collection[Unit]],
) -> Shares:
    """Give every unit to one of the members; `held` is what each owned before.

    A unit stays where it was unless that member would hold more than its even
    share; the rest go to whoever holds least, in a fixed order, so every leader decides the same.

    >>> share_out([Unit("s", 0), Unit("s", 1)], ["a", "b"], {"a": [Unit("s", 0), Unit("s", 1)]})
    {'a': [Unit(stream='s', partition=0)], 'b': [Unit(stream='s', partition=1)]}
    """
    names = sorted(members)
    ordered = sorted(units, key=lambda unit: (unit.stream or "", unit.partition))
    shares: Shares = {name: [] for name in names}
    if not names:
        return shares
    fewest, over = divmod(len(ordered), len(names))
    homeless = []
    for unit in ordered:
        owner = next((name for name in names if unit in held.get(name, ())), None)
        if owner is not None and len(shares[owner]) < fewest:
            shares[owner].append(unit)
        elif owner is not None and len(shares[owner]) == fewest and over > 0:
            shares[owner].append(unit)
            over -= 1
        else:
            homeless.append(unit)
    for unit in homeless:
        least = min(names, key=lambda name: (len(shares[name]), name))
        shares[least].append(unit)
    return {name: sorted(share, key=lambda unit: (unit.stream or "", unit.partition)) for name, share in shares.items()}
