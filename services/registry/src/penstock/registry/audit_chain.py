"""The audit log as a hash chain: each entry's hash covers the entry and the hash before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from penstock.contracts.ids import derived_id
from penstock.contracts.records.governance import AuditEntry
from penstock.registry.command_results import Occasion
from penstock.registry.control_records import SOURCE

BEGINNING = 64 * "0"


class Head(NamedTuple):
    """The newest entry as it was made known outside the database: its number and its hash."""

    number: int
    hash: str


def linked(previous: Head | None, action: str, subject: str, detail: dict[str, Any], occasion: Occasion) -> AuditEntry:
    """The entry that follows `previous`; the first one is number 1."""
    number, before = (previous.number + 1, previous.hash) if previous else (1, BEGINNING)
    entry = AuditEntry(
        source=SOURCE,
        id=derived_id("audit", number, before, action, subject),
        time=occasion.time,
        cause=occasion.cause,
        number=number,
        actor=occasion.actor,
        action=action,
        subject=subject,
        detail=detail,
        previous=before,
        hash="",
    )
    return entry.model_copy(update={"hash": hash_of(entry)})


def hash_of(entry: AuditEntry) -> str:
    """SHA-256, in hex, of the entry without its own hash, as canonical JSON (sorted keys, no blanks, ASCII)."""
    content = entry.model_dump(mode="json", exclude={"hash"})
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def verify_chain(entries: Iterable[AuditEntry], head: Head | None = None) -> str | None:
    """What is wrong with the chain, None when nothing is.

    Any edit, removal or reordering breaks a link. That the end was cut off shows only against a `head` that was
    published before: the entry of its number must still be there and bear its hash.
    """
    number, before = 0, BEGINNING
    head_seen = head is None
    for entry in entries:
        number += 1
        if fault := _fault(entry, number, before):
            return fault
        before = entry.hash
        if head is not None and head.number == number:
            if head.hash != entry.hash:
                return f"entry {number} is not the one whose hash was published"
            head_seen = True
    return None if head_seen else f"the log ends at entry {number}, entry {head.number if head else 0} was published"


def _fault(entry: AuditEntry, number: int, before: str) -> str | None:
    if entry.number != number:
        return f"entry {number} is missing: found entry {entry.number} in its place"
    if entry.previous != before:
        return f"entry {number} does not follow the entry before it"
    if entry.hash != hash_of(entry):
        return f"entry {number} was altered"
    return None
