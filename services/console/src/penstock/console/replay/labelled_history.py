"""Rows of a file as labelled history: events that bring their label along."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from penstock.console.replay.feed import Row
from penstock.contracts.ids import derived_id, digest_of


@dataclass(frozen=True, slots=True)
class Past:
    """One row of history: its number in the file, its id, the record, and when its label was known.

    `event` is None where the file does not say the label.
    """

    number: int
    id: str
    event: bytes | None
    known_at: datetime


def history(rows: Iterable[Row], delay: int) -> Iterator[Past]:
    """The rows as history, in the order of the file.

    A row's label became known with the row `delay` rows later, as in a replay. An id follows from what a row says and
    from how many said the same before it: imported again, be it in a corrected or longer file, it is the same event.
    """
    said: Counter[bytes] = Counter()
    for row, known_at in _with_label_times(rows, delay):
        content = digest_of(row.event.replace(row.id.encode(), b"", 1) + _json(row.truth))
        said[content] += 1
        name = derived_id("history", content.hex(), said[content])
        yield Past(row.number, name, None if row.truth is None else _record(row, name, known_at), known_at)


def _with_label_times(rows: Iterable[Row], delay: int) -> Iterator[tuple[Row, datetime]]:
    waiting: deque[Row] = deque()
    now: datetime | None = None
    for row in rows:
        now = row.time if now is None else max(now, row.time)
        waiting.append(row)
        if len(waiting) > delay:
            yield waiting.popleft(), now
    if now is not None:
        yield from ((row, now) for row in waiting)


def _record(row: Row, name: str, known_at: datetime) -> bytes:
    event = row.event.replace(row.id.encode(), name.encode(), 1)
    return b'%b,"label":%b,"labeltime":%b}' % (event[:-1], _json(row.truth), _json(known_at))


_json = msgspec.json.Encoder().encode
