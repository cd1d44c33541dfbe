"""I4 to I6, I10: epochs, their models, the audit log and the data that models were trained on."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.contracts.records.governance import AuditEntry
from penstock.registry.audit_chain import ChainHead, verify_chain
from tests.faults.checker.ledger import Ledger


def attribution(ledger: Ledger) -> Iterator[str]:
    """I4: a prediction names a model that is registered, verified, and served in that epoch."""
    epochs = {row.epoch: (row.version, row.digest) for row in ledger.epochs}
    for row in ledger.predictions:
        if epochs.get(row.epoch) != (row.version, row.digest):
            yield f"{row.id}: version {row.version} did not serve in epoch {row.epoch}"
        if ledger.registered.get(row.version) != row.digest:
            yield f"{row.id}: its model is not registered"
        if row.digest in ledger.unverified:
            yield f"{row.id}: its model's signature does not verify"


def epoch_order(ledger: Ledger) -> Iterator[str]:
    """I5: the epochs rise by one, and each is one record."""
    known: dict[int, tuple[int, str]] = {}
    for row in ledger.epochs:
        if row.epoch > len(known):
            yield f"epoch {row.epoch} comes after {len(known) - 1}"
        if known.setdefault(row.epoch, (row.version, row.digest)) != (row.version, row.digest):
            yield f"epoch {row.epoch} is there twice"


def audit_chain(ledger: Ledger) -> Iterator[str]:
    """I6: the audit log is a chain up to the published head."""
    entries: list[AuditEntry] = []
    for entry in ledger.audit:
        if entry not in entries:  # what is published again after a crash is equal
            entries.append(entry)
    fault = verify_chain(entries, ChainHead(*ledger.audit_head) if ledger.audit_head else None)
    if fault:
        yield fault


def datasets(ledger: Ledger) -> Iterator[str]:
    """I10: what a model was trained on is stored under its digest."""
    yield from (
        f"segment {row.digest} is stored as other bytes" for row in ledger.segments if row.digest != row.stored_digest
    )
