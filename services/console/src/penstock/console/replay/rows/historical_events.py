"""Rows of a file as history: events that carry their label and the time at which it became known."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from penstock.console.replay.rows.labelled_rows import Row
from penstock.contracts.ids import blake2b_digest, derived_id


@dataclass(frozen=True, slots=True)
class HistoricalEvent:
    """One row of history: its number in the file, its id, the event, and when its label became known.

    `event` is None where the label is missing.
    """

    number: int
    id: str
    event: bytes | None
    known_at: datetime


def historical_events(rows: Iterable[Row], delay: int) -> Iterator[HistoricalEvent]:
    """The rows as historical events, in the order of the file.

    A row's label became known with the row `delay` rows later, as in a replay. An id is derived from the content of
    the row and from how many equal rows precede it: imported again, even in a corrected or longer file, it is the
    same event.
    """
    occurrences: Counter[bytes] = Counter()
    for row, known_at in _with_label_times(rows, delay):
        content = blake2b_digest(row.event.replace(row.id.encode(), b"", 1) + _json(row.label))
        occurrences[content] += 1
        event_id = derived_id("history", content.hex(), occurrences[content])
        event = None if row.label is None else _labelled_event(row, event_id, known_at)
        yield HistoricalEvent(row.number, event_id, event, known_at)


def _with_label_times(rows: Iterable[Row], delay: int) -> Iterator[tuple[Row, datetime]]:
    unlabelled: deque[Row] = deque()
    now: datetime | None = None
    for row in rows:
        now = row.time if now is None else max(now, row.time)
        unlabelled.append(row)
        if len(unlabelled) > delay:
            yield unlabelled.popleft(), now
    if now is not None:
        yield from ((row, now) for row in unlabelled)


def _labelled_event(row: Row, event_id: str, known_at: datetime) -> bytes:
    event = row.event.replace(row.id.encode(), event_id.encode(), 1)
    return b'%b,"label":%b,"labeltime":%b}' % (event[:-1], _json(row.label), _json(known_at))


_json = msgspec.json.Encoder().encode
