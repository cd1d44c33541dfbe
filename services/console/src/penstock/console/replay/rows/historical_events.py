"""Rows of a file as history: events that carry their label and the time at which it became known."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from penstock.console.record_refusal import RefusalReason
from penstock.console.replay.rows.labelled_rows import Row
from penstock.console.replay.rows.newest_time import newest_time
from penstock.contracts.ids import blake2b_digest, derived_id
from penstock.contracts.input_bounds import EARLIEST_TIME

NO_LABEL = RefusalReason("missing_label", "", "the file does not say its label")


@dataclass(frozen=True, slots=True)
class HistoricalEvent:
    """One row of history: its number in the file, its id, the event, and when its label became known.

    `event` is the reason why there is none where the label is missing, or it or the time cannot be read.
    """

    number: int
    id: str
    event: bytes | RefusalReason
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
        yield HistoricalEvent(row.number, event_id, _labelled_event(row, event_id, known_at), known_at)


def _with_label_times(rows: Iterable[Row], delay: int) -> Iterator[tuple[Row, datetime]]:
    unlabelled: deque[Row] = deque()
    now = EARLIEST_TIME
    for row in rows:
        now = newest_time([row], now, datetime.now(UTC))
        unlabelled.append(row)
        if len(unlabelled) > delay:
            yield unlabelled.popleft(), now
    yield from ((row, now) for row in unlabelled)


def _labelled_event(row: Row, event_id: str, known_at: datetime) -> bytes | RefusalReason:
    if refusal := row.event_refusal or row.label_refusal or (NO_LABEL if row.label is None else None):
        return refusal
    event = row.event.replace(row.id.encode(), event_id.encode(), 1)
    return b'%b,"label":%b,"labeltime":%b}' % (event[:-1], _json(row.label), _json(known_at))


_json = msgspec.json.Encoder().encode
