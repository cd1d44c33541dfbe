"""From what happened to a decision, and a training request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from penstock.bus.routes import Route, route
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.governance import Command
from penstock.contracts.records.monitoring import Drift, Statistics
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.contracts.topics import (
    COMMANDS,
    DECISIONS,
    DRIFT,
    MODELS,
    STATISTICS,
    STREAMS,
    TRAINING_REQUESTS,
    TRAINING_RUNS,
    Topic,
)
from penstock.retrain_trigger.decision_records import is_news
from penstock.retrain_trigger.policy import Ruling
from penstock.retrain_trigger.stream_policies import Desk

TOPICS = (STATISTICS, DRIFT, TRAINING_REQUESTS, TRAINING_RUNS, COMMANDS)
"""After a record of one of these something may be due."""
FOLLOWED: tuple[Topic[Any], ...] = (*TOPICS, MODELS, STREAMS, DECISIONS)
"""What is remembered."""

S = TypeVar("S", Statistics, Drift, TrainingRequest, TrainingRun, Command)
R = TypeVar("R", Decision, TrainingRequest)


class Handlers:
    """One owner's view: the desk, and what it has issued and told but not yet read back from the log.

    Only what is on the log counts: an owner that lost its place forgets what it issued, and its successor issues it
    again under the same fence and id unless the log has it.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._issued: dict[str, int] = {}
        self._told: dict[str, Decision] = {}

    def routes(self) -> Sequence[Route]:
        """The same handler for every topic."""
        return [
            route(STATISTICS, self.handle),
            route(DRIFT, self.handle),
            route(TRAINING_REQUESTS, self.handle),
            route(TRAINING_RUNS, self.handle),
            route(COMMANDS, self.handle),
        ]

    def handle(self, batch: Batch[S]) -> list[AnyOutputs]:
        """Rule after every record, so that the size of a batch changes nothing."""
        outputs: list[AnyOutputs] = []
        for place, record in enumerate(batch.records):
            self._desk.apply(record)
            outputs += self.act_on(record.stream, self._desk.rule(record.stream), place)
        return outputs

    def act_on(self, stream: str, ruling: Ruling | None, cause: int = 0) -> list[AnyOutputs]:
        """What the ruling, caused by the record at place `cause`, leads to: a decision if it is news, and a request."""
        if ruling is None or (ruling.request is not None and not self._issue(ruling.request)):
            return []
        outputs: list[AnyOutputs] = []
        last = self._last_told(stream)
        if is_news(ruling, last):
            decision = self._desk.tell(stream, ruling, last.number + 1 if last else 0)
            self._told[stream] = decision
            outputs.append(_written(DECISIONS, decision, cause))
        if ruling.request is not None:
            outputs.append(_written(TRAINING_REQUESTS, ruling.request, cause))
        return outputs

    def _issue(self, request: TrainingRequest) -> bool:
        """Whether the request is new; it is not when its fence was issued before."""
        if self._issued.get(request.stream, -1) >= request.fence:
            return False
        self._issued[request.stream] = request.fence
        return True

    def _last_told(self, stream: str) -> Decision | None:
        """The newest decision, on the log or on its way there."""
        known = [decision for decision in (self._desk.decided(stream), self._told.get(stream)) if decision is not None]
        return max(known, key=lambda decision: decision.number, default=None)


def _written(topic: Topic[R], record: R, cause: int) -> Outputs[R]:
    return Outputs(topic, None, [record], [record.stream.encode()], causes=(cause,))
