"""I1 to I3: what became of each label, and of each event that waited for one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property

from tests.faults.checker.events import ends, first_positions, lost_bodies
from tests.faults.checker.ledger import LabelRow, Ledger, OutcomeRow, Row

DETECTOR = "drift-detector"
LABELLED_ONLY = ("trainer", "server")  # readers that count joined outcomes only

Named = tuple[str, int]
"""An event, and the revision of its label."""


class Joins:
    """The ledger as labels are joined: events, watermarks and the outcomes that count."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @cached_property
    def outcomes(self) -> Mapping[Named, OutcomeRow]:
        """The first outcome by offset of each revision."""
        first: dict[Named, OutcomeRow] = {}
        for row in sorted(self._ledger.outcomes, key=lambda row: row.offset):
            first.setdefault((row.id, row.revision), row)
        return first

    @cached_property
    def events(self) -> Mapping[str, Row]:
        """The first record of each event that went on."""
        first: dict[str, Row] = {}
        for row in sorted(self._ledger.events, key=lambda row: (row.partition, row.offset)):
            first.setdefault(row.id, row)
        return first

    @cached_property
    def watermarks(self) -> Mapping[int, tuple[int, int]]:
        """By partition the newest event time (ms) that was surely seen, and that was perhaps."""
        seen: defaultdict[int, int] = defaultdict(int)
        perhaps: defaultdict[int, int] = defaultdict(int)
        for row in self._ledger.events:
            perhaps[row.partition] = max(perhaps[row.partition], row.time)
            if not row.loss.excuses(DETECTOR):
                seen[row.partition] = max(seen[row.partition], row.time)
        return {partition: (seen[partition], newest) for partition, newest in perhaps.items()}

    @cached_property
    def missed(self) -> set[str]:
        """Events that the join may lack: the log lost the event, or each of its predictions."""
        seen = {row.id for row in self._ledger.events if not row.loss.excuses(DETECTOR)}
        predicted = {row.id for row in self._ledger.predictions if not row.loss.excuses(DETECTOR)}
        return self.events.keys() - (seen & predicted)

    def has_ended(self, event: Row) -> bool:
        """Whether its horizon has surely passed."""
        return event.time + self._horizon < self.watermarks[event.partition][0]

    def may_have_ended(self, event: Row) -> bool:
        """Whether its horizon may have passed."""
        return event.time + self._horizon < self.watermarks[event.partition][1]

    @property
    def _horizon(self) -> int:
        return int(self._ledger.horizon.total_seconds() * 1000)


def delivery(ledger: Ledger) -> Iterator[str]:
    """I1: an acknowledged label ends in exactly one way, and one that went on is joined unless its event has ended."""
    operations = [operation for operation in ledger.operations if operation.kind == "label"]
    forwarded = {row.value for row in ledger.labels}
    said = {(row.event, row.revision, row.label) for row in ledger.labels}
    repeated = {op.body for op in operations if (op.event, op.revision, op.label) in said}
    yield from ends(ledger, operations, forwarded, repeated)
    sent = {operation.body for operation in operations}
    yield from (f"the label {row.value!r} was never sent" for row in ledger.labels if row.value not in sent)
    joins = Joins(ledger)
    yield from _unjoined(ledger, joins)
    yield from _ends_of_events(joins)
    yield from (
        f"{row.id}: joined with the label {row.label!r}, which did not go on"
        for row in ledger.outcomes
        if row.label is not None and (row.id, row.revision, row.label) not in said
    )


def _unjoined(ledger: Ledger, joins: Joins) -> Iterator[str]:
    highest: defaultdict[str, int] = defaultdict(lambda: -1)
    for row in sorted(ledger.labels, key=lambda row: (row.partition, row.offset)):
        is_news = row.revision > highest[row.event]
        highest[row.event] = max(highest[row.event], row.revision)
        if is_news and not row.loss.excuses(DETECTOR) and not _is_settled(row, joins):
            yield f"{row.event}: its label of revision {row.revision} is neither joined nor too late"


def _is_settled(row: LabelRow, joins: Joins) -> bool:
    """Whether the label has its outcome, or its event ended without it, or is still to come, or was lost."""
    outcome, event = joins.outcomes.get((row.event, row.revision)), joins.events.get(row.event)
    if outcome is not None and outcome.label == row.label:
        return True
    return event is None or row.event in joins.missed or joins.may_have_ended(event)


def _ends_of_events(joins: Joins) -> Iterator[str]:
    with_outcome = {event for event, _ in joins.outcomes}
    for name, event in joins.events.items():
        if name not in with_outcome and name not in joins.missed and joins.has_ended(event):
            yield f"{name}: its horizon has passed, and it has no outcome"
    for (name, _), outcome in joins.outcomes.items():
        if outcome.label is None and name in joins.events and not joins.may_have_ended(joins.events[name]):
            yield f"{name}: expired before its horizon had passed"


def single_effect(ledger: Ledger) -> Iterator[str]:
    """I2: one value for each revision of an event's label. Of two outcomes the second loses by offset."""
    first: dict[Named, LabelRow] = {}
    lost = lost_bodies(ledger.received)
    for row in sorted(ledger.labels, key=lambda row: (row.partition, row.offset)):
        if row.value not in lost and first.setdefault((row.event, row.revision), row).value != row.value:
            yield f"{row.event}: two labels of revision {row.revision} went on"
    joined: dict[Named, OutcomeRow] = {}
    for outcome in sorted((row for row in ledger.outcomes if row.label is not None), key=lambda row: row.offset):
        if joined.setdefault((outcome.id, outcome.revision), outcome).label != outcome.label:
            yield f"{outcome.id}: joined with two labels of revision {outcome.revision}"


def one_end(ledger: Ledger) -> Iterator[str]:
    """I2: for every reader of outcomes the first by offset is how an event ended; some know of joined ones alone."""
    first: dict[str, OutcomeRow] = {}
    for row in sorted(ledger.outcomes, key=lambda row: row.offset):
        first.setdefault(row.id, row)
    joined = Counter((row.id, "joined") for row in first.values() if row.label is not None)
    expired = Counter((row.id, "expired") for row in first.values() if row.label is None)
    for reader, counted in ledger.ends.items():
        expected = joined if reader in LABELLED_ONLY else joined + expired
        for name, status in (Counter(counted) - expected) | (expected - Counter(counted)):
            yield f"{name}: {reader} counts it otherwise than by its first outcome as {status}"


def order(ledger: Ledger) -> Iterator[str]:
    """I3: labels go on as they were received, key by key, and the revisions of an event come in rising order."""
    positions, entities = first_positions(ledger.received), {op.body: op.entity for op in ledger.operations}
    newest: dict[str, int] = {}
    for row in _first_copies(ledger):
        position, entity = positions.get(row.value, -1), entities.get(row.value, "")
        if 0 <= position < newest.get(entity, -1):
            yield f"{row.event}: its label went on after a later one of {entity}"
        newest[entity] = max(position, newest.get(entity, -1))
    revisions: defaultdict[str, int] = defaultdict(lambda: -1)
    for (name, revision), outcome in sorted(Joins(ledger).outcomes.items(), key=lambda item: item[1].offset):
        if outcome.label is None:  # repeated work may come to another end, which loses by offset
            continue
        if revision < revisions[name]:
            yield f"{name}: revision {revision} came after {revisions[name]}"
        revisions[name] = max(revisions[name], revision)


def _first_copies(ledger: Ledger) -> Iterator[LabelRow]:
    seen: set[bytes] = set()
    for row in sorted(ledger.labels, key=lambda row: (row.partition, row.offset)):
        if row.value not in seen:
            seen.add(row.value)
            yield row
