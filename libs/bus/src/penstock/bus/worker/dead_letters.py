"""Records that nobody can read: kept with their bytes and the reason, and counted."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime

from penstock.bus.errors import TooManyDeadLetters
from penstock.bus.ports import LARGEST_ENCLOSING
from penstock.contracts.batch import Outputs, RawRecord
from penstock.contracts.decoding import encode
from penstock.contracts.ids import derived_id
from penstock.contracts.records.dead_letters import DeadLetter, DeadLetterData
from penstock.contracts.topics import CONTROL_DEAD_LETTERS, STREAM_DEAD_LETTERS

WATCHED = 1000  # the newest records of a unit among which unreadable ones are counted
LIMIT = 0.5  # share of them above which a consumer stops
LONGEST_KEY = 1000  # bytes of the record's key that the letter is keyed by; whole it lies in the letter
LONGEST_REASON = 500  # characters: a reason may quote the record


def dead_letter(
    group: str, topic: str, stream: str | None, partition: int, raw: RawRecord, reason: str
) -> Outputs[DeadLetter]:
    """The dead letter of one record. Headers that would make it larger than the log takes are left out."""
    letter = _letter(group, topic, partition, raw, reason[:LONGEST_REASON], raw.headers)
    if len(encode(letter)) + LONGEST_KEY > LARGEST_ENCLOSING:
        letter = _letter(group, topic, partition, raw, f"{reason[:LONGEST_REASON]} (its headers are left out)", ())
    key = None if raw.key is None else raw.key[:LONGEST_KEY]
    return Outputs(STREAM_DEAD_LETTERS if stream else CONTROL_DEAD_LETTERS, stream, [letter], [key], partition=0)


def _letter(
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
            key=_text(raw.key),
            value=_text(raw.value),
            headers=[(name, _text(value) or "") for name, value in headers],
        ),
    )


def _text(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


class DeadLetterLimit:
    """Stops a consumer that can read less than half of what it is given: the fault is then likely its own."""

    def __init__(self) -> None:
        self._unreadable: deque[bool] = deque(maxlen=WATCHED)

    def count(self, read: int, unreadable: int, where: str) -> None:
        """Take note of a batch.

        Raises:
            TooManyDeadLetters: more than half of the newest records were unreadable.
        """
        self._unreadable.extend([False] * read + [True] * unreadable)
        share = sum(self._unreadable) / WATCHED
        if unreadable and share > LIMIT:
            raise TooManyDeadLetters(
                f"{where}: {share:.0%} of the last {WATCHED} records cannot be read; "
                "stopped before more of the topic is turned into dead letters"
            )
