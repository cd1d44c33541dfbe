"""I1 to I3, I9: what became of each event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.faults.checker.ledger import Ledger


def delivery(ledger: Ledger) -> Iterator[str]:
    """I1: an acknowledged operation ends in exactly one way, an unknown one in at most one, a refused one in none."""
    forwarded = {row.value for row in ledger.events}
    rejected = {row.original for row in ledger.rejected}
    dead = {row.original for row in ledger.dead_letters}
    predicted = {row.id for row in ledger.predictions}
    answers: dict[bytes, set[str]] = {}
    ids = {operation.body: operation.id for operation in ledger.operations}
    for operation in ledger.operations:
        answers.setdefault(operation.body, set()).add(operation.answer)
    for body, given in answers.items():
        ends = (body in forwarded) + (body in dead) + (body in rejected)
        if given == {"fail"} and ends:
            yield f"{ids[body]}: refused, and handled all the same"
        if "ok" in given and ends == 0:
            yield f"{ids[body]}: acknowledged, and vanished"
        if ends > 1:
            yield f"{ids[body]}: ended in {ends} ways"
        if body in forwarded and ids[body] not in predicted:
            yield f"{ids[body]}: valid, and not predicted"
    for row in ledger.events:
        if row.value not in answers:
            yield f"{row.id}: was never sent"
    yield from (f"{name}: predicted, and no event" for name in predicted - {row.id for row in ledger.events})


def single_effect(ledger: Ledger) -> Iterator[str]:
    """I2: one effect per id; what is there twice is equal, or loses by offset in every reader."""
    first_events: dict[str, bytes] = {}
    for row in sorted(ledger.events, key=lambda row: (row.partition, row.offset)):
        if first_events.setdefault(row.id, row.value) != row.value:
            yield f"{row.id}: two bodies went on"
    first = {
        row.id: row for row in sorted(ledger.predictions, key=lambda row: (row.partition, row.offset), reverse=True)
    }
    seen: dict[str, tuple[int, str]] = {}
    for outcome in sorted(ledger.outcomes, key=lambda outcome: outcome.offset):
        model = (outcome.epoch, outcome.digest)
        if seen.setdefault(outcome.id, model) != model:
            yield f"{outcome.id}: two outcomes"
        elif outcome.id not in first or model != (first[outcome.id].epoch, first[outcome.id].digest):
            yield f"{outcome.id}: its outcome holds another prediction than the first"
    copies = Counter((row.partition, row.id) for row in ledger.events)
    partitions = Counter(name for _, name in copies)
    yield from (f"{name}: in {count} partitions" for name, count in partitions.items() if count > 1)


def order(ledger: Ledger) -> Iterator[str]:
    """I3: along a key, the order of `received` is the order of first predictions."""
    bodies = {
        row.value: row for row in sorted(ledger.received, key=lambda row: (row.partition, row.offset), reverse=True)
    }
    positions = {row.id: bodies[row.value].offset for row in ledger.events if row.value in bodies}
    newest: dict[str, int] = {}
    predicted: set[str] = set()
    for row in sorted(ledger.predictions, key=lambda row: (row.partition, row.offset)):
        if row.id in predicted or row.id not in positions:
            continue
        predicted.add(row.id)
        if positions[row.id] < newest.get(row.entity, -1):
            yield f"{row.id}: predicted after a later event of {row.entity}"
        newest[row.entity] = max(positions[row.id], newest.get(row.entity, -1))


def dead_letters(ledger: Ledger) -> Iterator[str]:
    """I9: an unreadable record has its dead letter, with its bytes."""
    originals = {(row.partition, row.offset): row.value for row in ledger.received}
    kept = {(row.partition, row.source_offset): row.original for row in ledger.dead_letters}
    for position, original in kept.items():
        if position in originals and originals[position] != original:
            yield f"the dead letter of {position} has other bytes"
    for row in ledger.received:
        if row.id == "unreadable" and (row.partition, row.offset) not in kept:
            yield f"received {row.partition}/{row.offset}: unreadable, and no dead letter"
