"""Dead letters: records that cannot be read or handled, kept with their bytes and the reason, and counted."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime

from penstock.bus.errors import TooManyDeadLetters
from penstock.bus.ports import MAX_ENCLOSING_RECORD_BYTES
from penstock.contracts.batch import Outputs, RawRecord
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.ids import derived_id
from penstock.contracts.records.dead_letters import DeadLetter, DeadLetterData
from penstock.contracts.topics import CONTROL_DEAD_LETTERS, STREAM_DEAD_LETTERS

WINDOW = 10_000  # the newest records of a unit, among which dead letters are counted
LIMIT = 100  # of them may become dead letters: 1 %
MAX_KEY = 1000  # bytes of the record's key that are the dead letter's key; the whole key is in its data
KEPT = 700_000  # characters of base64, a multiple of 4, of the key and of the value of a record that is too large
MAX_REASON = 500  # characters: a reason may quote the record


def dead_letter(
    group: str, topic: str, stream: str | None, partition: int, raw: RawRecord, reason: str
) -> Outputs[DeadLetter]:
    """The dead letter of one record. What would make it larger than the log takes is left out: its headers, its end."""
    reason = reason[:MAX_REASON]
    record = _dead_letter_record(group, topic, partition, raw, reason, raw.headers)
    if not _fits(record):
        record = _dead_letter_record(group, topic, partition, raw, f"{reason} (its headers are left out)", ())
    if not _fits(record):
        _cut(record.data)
        record.data.reason = f"{reason} ({_kept_text(raw)})"
    key = None if raw.key is None else raw.key[:MAX_KEY]
    return Outputs(STREAM_DEAD_LETTERS if stream else CONTROL_DEAD_LETTERS, stream, [record], [key], partition=0)


def _fits(record: DeadLetter) -> bool:
    return len(encode(record)) + MAX_KEY <= MAX_ENCLOSING_RECORD_BYTES


def _cut(data: DeadLetterData) -> None:
    """Keep the beginning of key and value alone. They can be that large: the log limits a batch as it is compressed."""
    data.key, data.value = (text and text[:KEPT] for text in (data.key, data.value))


def _kept_text(raw: RawRecord) -> str:
    key, value = len(raw.key or b""), len(raw.value or b"")
    return f"its headers are left out, and all but the beginning of its key of {key} and its value of {value} bytes"


def _dead_letter_record(
    group: str, topic: str, partition: int, raw: RawRecord, reason: str, headers: Sequence[tuple[str, bytes]]
) -> DeadLetter:
    return DeadLetter(
        source=f"penstock/{group}",
        id=derived_id("dead-letter", group, topic, partition, raw.offset),
        time=datetime.fromtimestamp(raw.timestamp / 1000, UTC),
        data=DeadLetterData(
            topic=topic,
            partition=partition,
            offset=raw.offset,
            reason=reason,
            consumer=group,
            key=_base64(raw.key),
            value=_base64(raw.value),
            headers=[(name, _base64(value) or "") for name, value in headers],
        ),
    )


def _base64(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


class DeadLetterLimit:
    """How many of the newest records of a unit may become dead letters: beyond 1 % the fault is hardly the records'."""

    def __init__(self) -> None:
        self._counts: deque[tuple[int, int]] = deque()
        self._records = self._dead = 0
        self._unlimited_records = 0

    def check(self, dead: int, allowed: int = LIMIT) -> None:
        """Check whether so many more records may become dead letters.

        Raises:
            TooManyDeadLetters: they would be more than `allowed` of the newest 10,000 records.
        """
        if dead and self._dead + dead > allowed and self._unlimited_records <= 0:
            too_many = f"{self._dead + dead} of the newest {WINDOW} records"
            raise TooManyDeadLetters(f"{too_many} cannot be read or handled, of which {allowed} may be put aside")

    def count(self, records: int, dead: int) -> None:
        """Count so many records, of which so many became dead letters."""
        self._unlimited_records -= records
        if dead == 0 and self._dead == 0:
            return
        self._counts.append((records, dead))
        self._records += records
        self._dead += dead
        while self._records - self._counts[0][0] >= WINDOW:
            oldest_records, oldest_dead = self._counts.popleft()
            self._records -= oldest_records
            self._dead -= oldest_dead

    def lift(self) -> None:
        """Forget what was counted, and limit nothing for the next 10,000 records: a person has looked at them."""
        self.clear()
        self._unlimited_records = WINDOW

    def clear(self) -> None:
        """Forget what was counted."""
        self._counts.clear()
        self._records = self._dead = 0
