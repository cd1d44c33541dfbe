"""HTTP predict without HTTP: check, answer, put the sealed answers on the log, and only then reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from penstock.artifacts import Seal
from penstock.bus.ports import Clock
from penstock.contracts.checks import check_events
from penstock.contracts.events import Event
from penstock.contracts.predictions import PredictionData, encode_answer, join_answer, sealed_part
from penstock.contracts.received import ReceivedDecoder
from penstock.contracts.refusals import Refusal
from penstock.contracts.streams import StreamDeclared, Streams
from penstock.runtime.problems import RETRY_AFTER, Problem, problem_of
from penstock.server.answering import answers_to
from penstock.server.bodies import read_event, split
from penstock.server.delivery import Delivery
from penstock.server.serving import Serving
from penstock.server.swapping import Models, NoModel


@dataclass(frozen=True)
class Reply:
    """What was found for each event of a request, in order: its answer, or why it is refused."""

    results: list[dict[str, Any] | Refusal]
    batch: bool

    def body(self) -> Any:
        """The reply as plain data.

        Raises:
            Problem: the only event was refused.
        """
        if self.batch:
            return [_refused(result) if isinstance(result, Refusal) else result for result in self.results]
        (only,) = self.results
        if isinstance(only, Refusal):
            raise problem_of(only)
        return only


@dataclass(frozen=True)
class Desk:
    """Answers requests; `code` is our own version, which every answer names."""

    models: Models
    streams: Streams
    delivery: Delivery
    seal: Seal
    clock: Clock
    code: str
    _decoders: dict[str, tuple[StreamDeclared, ReceivedDecoder]] = field(default_factory=dict)

    async def predict(self, stream: str, body: bytes, *, probe: bool = False, parent: bytes | None = None) -> Reply:
        """Answer the events in `body`, all under one epoch; a probe is answered alike but never logged.

        `parent` is the traceparent of the request.

        Raises:
            Problem: the stream is unknown, the body cannot be read, or model or broker are away.
        """
        declared = self._declared(stream)
        items, batch = split(body)
        results = self._read(declared, items)
        events = [result for result in results if isinstance(result, Event)]
        if not events:
            return Reply([result for result in results if isinstance(result, Refusal)], batch)
        serving, answers = await self._answers(declared, events)
        if not probe:
            keys = [(answer.entity or event.id).encode() for event, answer in zip(events, answers, strict=True)]
            await self.delivery.deliver(stream, self._sealed(stream, events, answers), keys, parent)
        replies = iter([_reply(serving, event, answer) for event, answer in zip(events, answers, strict=True)])
        return Reply([result if isinstance(result, Refusal) else next(replies) for result in results], batch)

    def serving(self, stream: str) -> Serving:
        """The model that serves a stream.

        Raises:
            Problem: the stream is unknown, or nothing serves it yet.
        """
        serving = self.models.serving(self._declared(stream).name)
        if serving is None:
            raise _no_model()
        return serving

    def _declared(self, stream: str) -> StreamDeclared:
        declared = self.streams.get(stream)
        if declared is not None:
            return declared
        if not self.models.caught_up:
            raise Problem(503, "starting", "the declared streams are still being read", headers=RETRY_AFTER)
        raise Problem(404, "unknown_stream", "no such stream is declared", "stream")

    def _read(self, declared: StreamDeclared, items: Sequence[bytes]) -> list[Event[Any] | Refusal]:
        now = datetime.fromtimestamp(self.clock() / 1000, UTC)
        decoder = self._decoder(declared)
        read = [read_event(item, decoder, now) for item in items]
        places = [place for place, result in enumerate(read) if isinstance(result, Event)]
        events = [result for result in read if isinstance(result, Event)]
        for place, refusal in check_events(declared.declaration, events, now).items():
            read[places[place]] = refusal
        return read

    def _decoder(self, declared: StreamDeclared) -> ReceivedDecoder:
        known = self._decoders.get(declared.name)
        if known is None or known[0] is not declared:
            known = self._decoders[declared.name] = (declared, ReceivedDecoder(declared))
        return known[1]

    async def _answers(
        self, declared: StreamDeclared, events: Sequence[Event[Any]]
    ) -> tuple[Serving, list[PredictionData]]:
        try:
            answered = await answers_to(self.models, declared, events, self.code, "http")
            return answered.serving, answered.predictions()
        except NoModel as error:
            raise _no_model() from error

    def _sealed(
        self, stream: str, events: Sequence[Event[Any]], answers: Sequence[PredictionData]
    ) -> Sequence[Event[Any]]:
        """The events, each with its answer and our seal on both."""
        for event, answer in zip(events, answers, strict=True):
            text = encode_answer(answer)
            event.answer = join_answer(self.seal.mac(sealed_part(stream, event.source, event.id, text)), text)
        return events


def _reply(serving: Serving, event: Event[Any], answer: PredictionData) -> dict[str, Any]:
    likelihoods = answer.probabilities
    return {
        "id": event.id,
        "source": event.source,
        "value": answer.value,
        "probabilities": likelihoods and dict(zip(serving.model.classes, likelihoods, strict=True)),
        "model": model_facts(serving),
        "epoch": answer.epoch,
        "schema": answer.schema,
    }


def _refused(refusal: Refusal) -> dict[str, Any]:
    return {"id": refusal.id or None, **problem_of(refusal).body()}


def model_facts(serving: Serving) -> dict[str, Any]:
    """Which model answers."""
    version = serving.version
    return {
        "name": version.name,
        "version": version.version,
        "family": version.family,
        "digest": version.digest,
    }


def _no_model() -> Problem:
    return Problem(503, "no_model", "no model serves this stream yet", headers=RETRY_AFTER)
