"""The newest answers, by the events' ids."""

from __future__ import annotations

from collections import OrderedDict

from penstock.contracts.batch import RawRecord
from penstock.ingestion.answer import Answer, AnswerKind, EventName, decode_answer
from penstock.ingestion.answer_subscriptions import AnswerSubscriptions

MAX_ANSWERS = 100_000  # of all streams
MAX_BYTES = 128 << 20  # of all answers


class AnswerCache:
    """The newest `max_answers` answers, within `max_bytes`.

    An event's first prediction stands, and replaces a rejection. Of as many answers that were dropped, the cache still
    knows that there was one. All answers are passed to those who wait for them, and new ones to those who listen.
    """

    def __init__(self, max_answers: int = MAX_ANSWERS, max_bytes: int = MAX_BYTES) -> None:
        self.subscriptions = AnswerSubscriptions()
        self._max_answers = max_answers
        self._max_bytes = max_bytes
        self._bytes = 0
        self._answers: OrderedDict[EventName, Answer] = OrderedDict()
        self._dropped: OrderedDict[int, None] = OrderedDict()

    def add(self, stream: str, kind: AnswerKind, record: RawRecord) -> None:
        """Add a record of `predictions` or `rejected`; one that is no answer to an event is skipped."""
        answer = decode_answer(kind, record)
        if answer is not None:
            name = (stream, answer.source, answer.id)
            is_new = self._store(name, answer)
            self.subscriptions.notify(name, answer, is_new=is_new)

    def find(self, stream: str, source: str, event_id: str) -> Answer | None:
        """The answer to an event, None when there is none here."""
        return self._answers.get((stream, source, event_id))

    def has_dropped(self, stream: str, source: str, event_id: str) -> bool:
        """Whether there was an answer to the event that is no longer kept."""
        return hash((stream, source, event_id)) in self._dropped

    def _store(self, name: EventName, answer: Answer) -> bool:
        """Store the answer unless an earlier one stands; whether it is news."""
        earlier = self._answers.get(name)
        if earlier is not None and earlier.kind == "prediction" and earlier.key == answer.key:
            return False
        if earlier is None or earlier.kind == "rejection":
            self._bytes += len(answer.content) - (len(earlier.content) if earlier is not None else 0)
            self._answers[name] = answer
            self._answers.move_to_end(name)
            self._drop_oldest()
        return True

    def _drop_oldest(self) -> None:
        while len(self._answers) > self._max_answers or (self._bytes > self._max_bytes and len(self._answers) > 1):
            name, answer = self._answers.popitem(last=False)
            self._bytes -= len(answer.content)
            self._dropped[hash(name)] = None
        while len(self._dropped) > self._max_answers:
            self._dropped.popitem(last=False)
