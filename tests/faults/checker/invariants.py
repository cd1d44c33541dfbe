"""The invariants by number, and the check of all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from tests.faults.checker import events, labels, models, operation
from tests.faults.checker.ledger import Ledger

Check = Callable[[Ledger], Iterable[str]]

INVARIANTS: Mapping[str, Sequence[Check]] = {
    "I1": (events.delivery, labels.delivery),
    "I2": (events.single_effect, labels.single_effect, labels.one_end),
    "I3": (events.order, labels.order),
    "I4": (models.attribution,),
    "I5": (models.epoch_order,),
    "I6": (models.audit_chain,),
    "I7": (operation.answered,),
    "I8": (operation.recovery,),
    "I9": (events.dead_letters,),
    "I10": (models.datasets,),
    "I11": (operation.confinement,),
    "I12": (operation.flatness,),
}


def violations(ledger: Ledger) -> dict[str, list[str]]:
    """What is violated, by invariant; empty when all hold."""
    found = {name: [fault for check in checks for fault in check(ledger)] for name, checks in INVARIANTS.items()}
    return {name: faults for name, faults in found.items() if faults}
