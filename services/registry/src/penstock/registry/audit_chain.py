"""The audit log as a hash chain: each entry's hash covers the entry and the hash before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from penstock.contracts.ids import derived_id
from penstock.contracts.records.governance import AuditEntry
from penstock.registry.command_context import Provenance
from penstock.registry.control_records import SOURCE

GENESIS_HASH = 64 * "0"  # what the first entry names as the hash before it


class ChainHead(NamedTuple):
    """The number and the hash of the newest entry of a chain, as published outside the database."""

    number: int
    hash: str


def next_entry(
    head: ChainHead | None, action: str, subject: str, detail: dict[str, Any], provenance: Provenance
) -> AuditEntry:
    """The entry that follows `head`; without a head it is the first one, number 1."""
    number, previous = (head.number + 1, head.hash) if head else (1, GENESIS_HASH)
    entry = AuditEntry(
        source=SOURCE,
        id=derived_id("audit", number, previous, action, subject),
        time=provenance.time,
        cause=provenance.cause,
        number=number,
        actor=provenance.actor,
        action=action,
        subject=subject,
        detail=detail,
        previous=previous,
        hash="",
    )
    return entry.model_copy(update={"hash": hash_of(entry)})


def hash_of(entry: AuditEntry) -> str:
    """SHA-256, in hex, of the entry without its own hash, as canonical JSON (sorted keys, no blanks, ASCII)."""
    content = entry.model_dump(mode="json", exclude={"hash"})
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def verify_chain(entries: Iterable[AuditEntry], head: ChainHead | None = None) -> str | None:
    """Check every link of the chain; returns the first fault, None when there is none.

    Any edit, removal or reordering breaks a link. A chain that was cut off at its end is sound in itself: that shows
    only against a `head` published before, whose entry must still be there with the same hash.
    """
    number, previous = 0, GENESIS_HASH
    head_seen = head is None
    for entry in entries:
        number += 1
        if fault := _fault(entry, number, previous):
            return fault
        previous = entry.hash
        if head is not None and head.number == number:
            if head.hash != entry.hash:
                return f"entry {number} is not the one whose hash was published"
            head_seen = True
    return None if head_seen else f"the log ends at entry {number}, entry {head.number if head else 0} was published"


def _fault(entry: AuditEntry, number: int, previous: str) -> str | None:
    if entry.number != number:
        return f"entry {number} is missing: found entry {entry.number} in its place"
    if entry.previous != previous:
        return f"entry {number} does not follow the entry before it"
    if entry.hash != hash_of(entry):
        return f"entry {number} was altered"
    return None
