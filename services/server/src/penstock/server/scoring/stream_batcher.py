"""Where the questions about one stream are answered: checked together, answered by one model, written at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from penstock.artifacts import Seal
from penstock.contracts.checks import check_events
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import PredictionData
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal
from penstock.runtime.http.micro_batches import MicroBatches, PendingRequest
from penstock.runtime.http.problems import RETRY_AFTER, Problem
from penstock.server.models.manager import Models, NoModel
from penstock.server.scoring.answer_log import Records
from penstock.server.scoring.predictions import Answered, answers_to, in_order
from penstock.server.scoring.sealed_events import letter_of
from penstock.server.web.request_bodies import Reader
from penstock.server.web.responses import Answer, Teller, answers

MOST_ROWS = 1000  # of a micro-batch: more would be answered in a thread

Results = list[Answer | Refusal]


@dataclass(frozen=True, slots=True)
class Question:
    """The events of one request, its traceparent, and whether it is a probe: answered alike but never logged."""

    events: Sequence[Event[Any]]
    parent: bytes | None = None
    probe: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """A question as it was checked: its fit events, and why the others are refused, by place."""

    asking: PendingRequest[Question, Results]
    fit: Sequence[Event[Any]]
    refused: dict[int, Refusal]

    def resolve(self, given: Sequence[Answer]) -> None:
        """Answer it, each event in its place."""
        if not self.refused:
            return self.asking.answer(list(given))
        following, places = iter(given), range(len(self.asking.question.events))
        return self.asking.answer([self.refused[at] if at in self.refused else next(following) for at in places])


class Counter:
    """Answers the questions about one stream, by one version of its declaration, in micro-batches."""

    def __init__(
        self,
        declared: StreamDeclared,
        models: Models,
        records: Records,
        seal: Seal,
        code: str,
        now: Callable[[], datetime],
    ) -> None:
        self.declared = declared
        self.reader = Reader(declared)
        self._models = models
        self._records = records
        self._seal = seal
        self._code = code
        self._now = now
        self._mode = declared.declaration.serving.http
        self._batches: MicroBatches[Question, Results] = MicroBatches(self._answer_all, MOST_ROWS)

    async def ask(self, question: Question) -> Results:
        """The answer to each event, or why it is refused, in order; all under one epoch.

        Raises:
            Problem: model or broker are away.
        """
        return await self._batches.ask(question, len(question.events))

    def refusals(self, events: Sequence[Event[Any]]) -> dict[int, Refusal]:
        """Why events are refused, by place."""
        return check_events(self.declared.declaration, events, self._now())

    async def _answer_all(self, batch: Sequence[PendingRequest[Question, Results]]) -> None:
        parts = self._checked(batch)
        fit = [part for part in parts if part.fit]
        for part in parts:
            if not part.fit:
                part.resolve([])
        if fit:
            await self._answer_fit(fit)

    def _checked(self, batch: Sequence[PendingRequest[Question, Results]]) -> list[_Part]:
        events = [event for asking in batch for event in asking.question.events]
        refused = self.refusals(events)
        if not refused:
            return [_Part(asking, asking.question.events, {}) for asking in batch]
        parts, first = [], 0
        for asking in batch:
            own = {place - first: refused[place] for place in range(first, first + asking.rows) if place in refused}
            fit = [event for place, event in enumerate(asking.question.events) if place not in own]
            parts.append(_Part(asking, fit, own))
            first += asking.rows
        return parts

    async def _answer_fit(self, parts: Sequence[_Part]) -> None:
        """One answer of the model for all of them, then one write; each is told what became of its own."""
        answered = await self._predicted([event for part in parts for event in part.fit])
        predictions = in_order(answered, Answered.predictions)
        tellers = {part.arm.version.version: Teller(part.arm) for part in answered}
        shares = list(_shared_out(predictions, parts))
        logged = [(part, said) for part, said in zip(parts, shares, strict=True) if not part.asking.question.probe]
        problems = iter(await self._put(logged) if logged else [])
        for part, said in zip(parts, shares, strict=True):
            problem = None if part.asking.question.probe else next(problems)
            if problem is None:
                part.resolve(answers(tellers, part.fit, said))
            else:
                part.asking.refuse(problem)

    async def _predicted(self, events: Sequence[Event[Any]]) -> list[Answered]:
        try:
            answered = await answers_to(self._models, self.declared, events, self._code, "http")
        except NoModel as error:
            raise no_model() from error
        for part in answered:
            part.attribution.mode = self._mode
        return answered

    async def _put(self, logged: Sequence[tuple[_Part, Sequence[PredictionData]]]) -> list[Problem | None]:
        stream, seal = self.declared.name, self._seal
        letters = [await letter_of(seal, stream, part.fit, said, part.asking.question.parent) for part, said in logged]
        return await self._records.put(stream, letters, wait=self._mode == "durable")


def _shared_out(predictions: Sequence[PredictionData], parts: Sequence[_Part]) -> list[Sequence[PredictionData]]:
    """To each part its own predictions."""
    shares: list[Sequence[PredictionData]] = []
    first = 0
    for part in parts:
        shares.append(predictions[first : first + len(part.fit)])
        first += len(part.fit)
    return shares


def no_model() -> Problem:
    """The stream cannot be answered for now."""
    return Problem(503, "no_model", "no model serves this stream yet", headers=RETRY_AFTER)
