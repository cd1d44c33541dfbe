"""I4 to I6, I10: epochs, their models, the audit log and the data that models were trained on."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.contracts.records.governance import AuditEntry
from penstock.registry.audit_chain import ChainHead, verify_chain
from tests.faults.checker.ledger import CommandRow, Ledger


def attribution(ledger: Ledger) -> Iterator[str]:
    """I4: a prediction is what the model that it names answers; that is registered, verified, and served then."""
    epochs = {row.epoch: row.arms for row in ledger.epochs}
    for row in ledger.predictions:
        if (row.version, row.digest) not in epochs.get(row.epoch, ()):
            yield f"{row.id}: version {row.version} did not serve in epoch {row.epoch}"
        if ledger.registered.get(row.version) != row.digest:
            yield f"{row.id}: its model is not registered"
        if row.digest in ledger.unverified:
            yield f"{row.id}: its model's signature does not verify"
        if not row.is_of_its_model:
            yield f"{row.id}: version {row.version} answers something else"


def epoch_order(ledger: Ledger) -> Iterator[str]:
    """I5: the epochs rise by one, each is one record, and what was promised of them is so; for no key they fall."""
    known: dict[int, object] = {}
    for row in ledger.epochs:
        if row.epoch > len(known):
            yield f"epoch {row.epoch} comes after {len(known) - 1}"
        if known.setdefault(row.epoch, row) != row:
            yield f"epoch {row.epoch} is there twice"
    for row in ledger.installed:
        if known.get(row.epoch) != row:
            yield f"epoch {row.epoch} was published as another than it is"
    yield from _commands(ledger)
    if not ledger.damaged:
        yield from _falling_epochs(ledger)


def _commands(ledger: Ledger) -> Iterator[str]:
    epochs = {row.epoch: row.version for row in ledger.epochs}
    by_epoch: dict[int, str] = {}
    by_key: dict[str, CommandRow] = {}
    for row in ledger.commands:
        if row.answer != "ok":
            continue
        if by_key.setdefault(row.key, row) != row:
            yield f"{row.key}: two answers to one command"
        if row.status not in ("promoted", "rolled_back") or row.epoch is None:
            continue
        if epochs.get(row.epoch) != row.version:
            yield f"{row.key}: {row.status} in epoch {row.epoch}, which is of another version"
        if row.expected_epoch is not None and row.epoch != row.expected_epoch + 1:
            yield f"{row.key}: promoted from epoch {row.expected_epoch} to {row.epoch}"
        if by_epoch.setdefault(row.epoch, row.key) != row.key:
            yield f"epoch {row.epoch} was given to two commands"


def _falling_epochs(ledger: Ledger) -> Iterator[str]:
    newest: dict[str, int] = {}
    seen: set[str] = set()
    for row in sorted(ledger.predictions, key=lambda row: (row.partition, row.offset)):
        if row.id not in seen and row.epoch < newest.get(row.entity, 0):
            yield f"{row.id}: epoch {row.epoch} after {newest[row.entity]} for {row.entity}"
        seen.add(row.id)
        newest[row.entity] = max(row.epoch, newest.get(row.entity, 0))


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
    """I10: what a model was trained on is stored under its digest, and is what the log had."""
    for row in ledger.segments:
        if row.digest != row.stored_digest:
            yield f"segment {row.digest} is stored as other bytes"
        if not row.is_of_log:
            yield f"segment {row.digest} holds other outcomes than the log had"
