"""From records of the control plane to decisions and training requests."""

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
from penstock.retrain_trigger.decision_record import differs
from penstock.retrain_trigger.policy_engine import PolicyEngine
from penstock.retrain_trigger.retrain_policy import RetrainDecision

TOPICS = (STATISTICS, DRIFT, TRAINING_REQUESTS, TRAINING_RUNS, COMMANDS)
"""The topics of the group: after each of their records the policy is evaluated."""
FOLLOWED: tuple[Topic[Any], ...] = (*TOPICS, MODELS, STREAMS, DECISIONS)
"""The topics that the state of a stream is folded from."""

S = TypeVar("S", Statistics, Drift, TrainingRequest, TrainingRun, Command)
R = TypeVar("R", Decision, TrainingRequest)


class Handlers:
    """The handlers of one owner of the topics, with what it has written but not yet read back from the log.

    Only what is on the log counts: an owner that loses its partitions forgets what it wrote, and its successor writes
    it again under the same fence and id unless the log has it.
    """

    def __init__(self, engine: PolicyEngine) -> None:
        self._engine = engine
        self._issued_fences: dict[str, int] = {}
        self._written_decisions: dict[str, Decision] = {}

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
        """Evaluate the policy after every record, so that the size of a batch changes nothing."""
        outputs: list[AnyOutputs] = []
        for index, record in enumerate(batch.records):
            self._engine.apply(record)
            outputs += self.outputs_of(record.stream, self._engine.evaluate(record.stream), index)
        return outputs

    def outputs_of(self, stream: str, decision: RetrainDecision | None, cause: int = 0) -> list[AnyOutputs]:
        """The records to write: the decision if it differs from the last, and the training request if there is one.

        `cause` is the index in its batch of the record that led to the decision.
        """
        if decision is None or (decision.request is not None and not self._is_new(decision.request)):
            return []
        outputs: list[AnyOutputs] = []
        last = self._last_decision(stream)
        if differs(decision, last):
            record = self._engine.decision_record(stream, decision, last.number + 1 if last else 0)
            self._written_decisions[stream] = record
            outputs.append(_output(DECISIONS, record, cause))
        if decision.request is not None:
            self._issued_fences[stream] = decision.request.fence
            outputs.append(_output(TRAINING_REQUESTS, decision.request, cause))
        return outputs

    def _is_new(self, request: TrainingRequest) -> bool:
        return self._issued_fences.get(request.stream, -1) < request.fence

    def _last_decision(self, stream: str) -> Decision | None:
        """The newest decision, on the log or on its way there."""
        candidates = (self._engine.newest_decision(stream), self._written_decisions.get(stream))
        decisions = [decision for decision in candidates if decision is not None]
        return max(decisions, key=lambda decision: decision.number, default=None)


def _output(topic: Topic[R], record: R, cause: int) -> Outputs[R]:
    return Outputs(topic, None, [record], [record.stream.encode()], causes=(cause,))
