"""I1 to I3, I9: what became of each event."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from tests.faults.checker.ledger import Answer, Ledger, Operation, Row


def delivery(ledger: Ledger) -> Iterator[str]:
    """I1: an acknowledged event ends in exactly one way, an unknown one in at most one, a refused one in none."""
    operations = [operation for operation in ledger.operations if operation.kind == "event"]
    forwarded = {row.value for row in ledger.events}
    predicted = {row.id for row in ledger.predictions}
    missed = {row.value for row in ledger.events if not row.loss.excuses("server")}
    said = {(operation.id, operation.content) for operation in operations if operation.body in forwarded}
    repeated = {op.body for op in operations if op.content and (op.id, op.content) in said}
    yield from ends(ledger, operations, forwarded, repeated)
    for body, name in {operation.body: operation.id for operation in operations}.items():
        if body in missed and name not in predicted:
            yield f"{name}: valid, and not predicted"
    sent = {operation.body for operation in operations}
    yield from (f"{row.id}: was never sent" for row in ledger.events if row.value not in sent)
    yield from (f"{name}: predicted, and no event" for name in predicted - {row.id for row in ledger.events})


def ends(ledger: Ledger, operations: Sequence[Operation], forwarded: set[bytes], repeated: set[bytes]) -> Iterator[str]:
    """Operations that did not end as I1 says; `repeated` are bodies that say what an equal operation said."""
    rejected, dead = ({row.original for row in rows} for rows in (ledger.rejected, ledger.dead_letters))
    received: defaultdict[bytes, list[Row]] = defaultdict(list)
    for row in ledger.received:
        received[row.value].append(row)
    for body, (name, given) in _answers(operations).items():
        count = (body in forwarded) + (body in dead) + (body in rejected)
        if given == {"fail"} and count:
            yield f"{name}: refused, and handled all the same"
        if "ok" in given and count == 0 and body not in repeated and not _is_missed(received[body]):
            yield f"{name}: acknowledged, and vanished"
        if count > 1:
            yield f"{name}: ended in {count} ways"


def _answers(operations: Iterable[Operation]) -> dict[bytes, tuple[str, set[Answer]]]:
    answers: dict[bytes, tuple[str, set[Answer]]] = {}
    for operation in operations:
        answers.setdefault(operation.body, (operation.id, set()))[1].add(operation.answer)
    return answers


def _is_missed(rows: Sequence[Row]) -> bool:
    """Whether the log had the record, and the validator told that it is gone or could not know."""
    return bool(rows) and all(row.loss.excuses("validator") for row in rows)


def single_effect(ledger: Ledger) -> Iterator[str]:
    """I2: one effect per id; what is there twice is equal, or loses by offset in every reader."""
    first_events: dict[str, bytes] = {}
    lost = lost_bodies(ledger.received)
    for row in sorted(ledger.events, key=lambda row: (row.partition, row.offset)):
        if row.value not in lost and first_events.setdefault(row.id, row.value) != row.value:
            yield f"{row.id}: two bodies went on"
    copies = Counter((row.partition, row.id) for row in ledger.events)
    partitions = Counter(name for _, name in copies)
    yield from (f"{name}: in {count} partitions" for name, count in partitions.items() if count > 1)
    yield from _outcomes_of_other_predictions(ledger)


def _outcomes_of_other_predictions(ledger: Ledger) -> Iterator[str]:
    """The outcome holds the first prediction; where the log lost that one, perhaps, the next."""
    firsts: defaultdict[str, set[tuple[int, str]]] = defaultdict(set)
    complete: set[str] = set()
    for row in sorted(ledger.predictions, key=lambda row: (row.partition, row.offset)):
        if row.id not in complete:
            firsts[row.id].add((row.epoch, row.digest))
        if not row.loss.excuses("drift-detector"):
            complete.add(row.id)
    for outcome in ledger.outcomes:
        if (outcome.epoch, outcome.digest) not in firsts[outcome.id]:
            yield f"{outcome.id}: its outcome holds another prediction than the first"


def order(ledger: Ledger) -> Iterator[str]:
    """I3: along a key, the order of `received` is the order of first predictions."""
    positions = first_positions(ledger.received)
    bodies: dict[str, bytes] = {}
    for event in sorted(ledger.events, key=lambda row: (row.partition, row.offset)):
        bodies.setdefault(event.id, event.value)
    newest: dict[str, int] = {}
    predicted: set[str] = set()
    for row in sorted(ledger.predictions, key=lambda row: (row.partition, row.offset)):
        position = positions.get(bodies.get(row.id, b""))
        if row.id in predicted or position is None:
            continue
        predicted.add(row.id)
        if position < newest.get(row.entity, -1):
            yield f"{row.id}: predicted after a later event of {row.entity}"
        newest[row.entity] = max(position, newest.get(row.entity, -1))


def first_positions(received: Sequence[Row]) -> dict[bytes, int]:
    """Where each body was received first; without those of which a copy may have been lost before it was read."""
    positions: dict[bytes, int] = {}
    for row in sorted(received, key=lambda row: (row.partition, row.offset)):
        positions.setdefault(row.value, row.offset)
    for body in lost_bodies(received):
        del positions[body]
    return positions


def lost_bodies(received: Sequence[Row]) -> set[bytes]:
    """What the log lost a copy of: it may have been handled, and forgotten in a crash with the copy gone."""
    return {row.value for row in received if row.loss.excuses("validator")}


def dead_letters(ledger: Ledger) -> Iterator[str]:
    """I9: an unreadable record has its dead letter, with its bytes."""
    originals: defaultdict[tuple[int, int], set[bytes]] = defaultdict(set)
    for row in ledger.received:
        originals[row.position].add(row.value)
    kept = {(row.partition, row.source_offset): row.original for row in ledger.dead_letters}
    for position, original in kept.items():
        if position in originals and original not in originals[position]:
            yield f"the dead letter of {position} has other bytes"
    for row in ledger.received:
        if row.id == "unreadable" and row.position not in kept and not row.loss.excuses("validator"):
            yield f"received {row.partition}/{row.offset}: unreadable, and no dead letter"
