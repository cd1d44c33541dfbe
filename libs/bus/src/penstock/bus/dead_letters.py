"""Records that nobody can read: kept with their bytes and the reason, and counted."""

from __future__ import annotations

import base64
from collections import deque
from datetime import UTC, datetime

from penstock.bus.errors import TooManyDeadLetters
from penstock.contracts.batch import Outputs, RawRecord
from penstock.contracts.dead_letters import DeadLetter, DeadLetterData
from penstock.contracts.ids import derived_id
from penstock.contracts.topics import CONTROL_DEAD_LETTERS, STREAM_DEAD_LETTERS

WATCHED = 1000  # the newest records of a unit among which unreadable ones are counted
LIMIT = 0.5  # share of them above which a consumer stops


def dead_letter(
    group: str, topic: str, stream: str | None, partition: int, raw: RawRecord, reason: str
) -> Outputs[DeadLetter]:
    """The dead letter of one record, caused by the first record of its batch."""
    letter = DeadLetter(
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
            headers=[(name, _text(value) or "") for name, value in raw.headers],
        ),
    )
    return Outputs(STREAM_DEAD_LETTERS if stream else CONTROL_DEAD_LETTERS, stream, [letter], [raw.key], partition=0)


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
