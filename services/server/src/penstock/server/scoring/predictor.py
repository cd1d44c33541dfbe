"""HTTP predict without HTTP: check, answer, put the sealed answers on the log, and only then reply.

A stream declared `fast` is replied to before the log has confirmed; the write is made all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from penstock.artifacts import Seal
from penstock.bus.ports import Clock
from penstock.contracts.records.events import Event
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.refusals import Refusal
from penstock.runtime.http.problems import RETRY_AFTER, Problem, problem_of
from penstock.server.models.epochs import Serving
from penstock.server.models.manager import Models
from penstock.server.scoring.answer_log import Records
from penstock.server.scoring.stream_batcher import Counter, Question, no_model
from penstock.server.web.responses import Answer, Reply


@dataclass(frozen=True)
class Desk:
    """Answers requests; `code` is our own version, which every answer names."""

    models: Models
    streams: Streams
    records: Records
    seal: Seal
    clock: Clock
    code: str
    _counters: dict[str, Counter] = field(default_factory=dict)

    async def predict(self, stream: str, body: bytes, *, probe: bool = False, parent: bytes | None = None) -> Reply:
        """Answer the events in `body`, all under one epoch; a probe is answered alike but never logged.

        `parent` is the traceparent of the request.

        Raises:
            Problem: the stream is unknown, its model lives elsewhere, the body cannot be read, or model or broker are away.
        """
        counter = self.counter(stream)
        read, batch = counter.reader.read(body, self.now())
        events = [result for result in read if isinstance(result, Event)]
        if not events:
            return Reply([result for result in read if isinstance(result, Refusal)], batch)
        found = await counter.ask(Question(events, parent, probe))
        if len(events) == len(read):
            return Reply(found, batch)
        following = iter(found)
        return Reply([result if isinstance(result, Refusal) else next(following) for result in read], batch)

    async def answers(self, counter: Counter, events: Sequence[Event[Any]], parent: bytes | None) -> list[Answer]:
        """The answers to events none of which is refused.

        Raises:
            Problem: one is refused all the same, or model or broker are away.
        """
        found = await counter.ask(Question(events, parent))
        for result in found:
            if isinstance(result, Refusal):
                raise problem_of(result)
        return [result for result in found if isinstance(result, Answer)]

    def counter(self, stream: str) -> Counter:
        """Where questions about a stream are answered.

        Raises:
            Problem: the stream is unknown, or its model lives elsewhere.
        """
        declared = self._declared(stream)
        known = self._counters.get(stream)
        if known is None or known.declared is not declared:
            known = self._counters[stream] = Counter(
                declared, self.models, self.records, self.seal, self.code, self.now
            )
        return known

    def serving(self, stream: str) -> Serving:
        """The model that serves a stream.

        Raises:
            Problem: the stream is unknown, its model lives elsewhere, or nothing serves it yet.
        """
        serving = self.models.serving(self._declared(stream).name)
        if serving is None:
            raise no_model()
        return serving

    def now(self) -> datetime:
        """What time it is."""
        return datetime.fromtimestamp(self.clock() / 1000, UTC)

    def _declared(self, stream: str) -> StreamDeclared:
        declared = self.streams.get(stream)
        if declared is not None:
            return _expect_own(declared)
        if not self.models.caught_up:
            raise Problem(503, "starting", "the declared streams are still being read", headers=RETRY_AFTER)
        raise Problem(404, "unknown_stream", "no such stream is declared", "stream")


def _expect_own(declared: StreamDeclared) -> StreamDeclared:
    if declared.declaration.serving.external:
        detail = "the stream's model lives elsewhere: send events with their prediction to ingestion"
        raise Problem(409, "external_model", detail, "serving.model")
    return declared
