"""An event whose answer is awaited, and which answer is its own: other bodies may have been sent under its id."""

from __future__ import annotations

import asyncio

from penstock.contracts.records.rejections import rejection_id
from penstock.ingestion.admission import AdmittedRecord
from penstock.ingestion.answer import Answer, AnswerKind, EventName


class AwaitedEvent:
    """An event that is about to be written, and the answer to it once that is read.

    A prediction is its own if it was made for the same operation, and a rejection if it rejects the same bytes.
    """

    def __init__(self, stream: str, record: AdmittedRecord) -> None:
        source = record.record.source
        self.name: EventName = (stream, source, record.id)
        self.key = record.key
        self._marks: dict[AnswerKind, bytes] = {
            "prediction": record.operation.digest,
            "rejection": rejection_id(source, record.id, record.value).encode(),
        }
        self._answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def offer(self, answer: Answer) -> None:
        """Take an answer to an event of this name, if it is the answer to this one."""
        if not self._answer.done() and answer.key == self.key and answer.mark == self._marks[answer.kind]:
            self._answer.set_result(answer)

    async def answer(self, seconds: float) -> Answer | None:
        """The answer within so many seconds, else None."""
        await asyncio.wait({self._answer}, timeout=seconds)
        return self._answer.result() if self._answer.done() else None
