"""From what happened to a training request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from penstock.bus.routes import Route, route
from penstock.contracts.batch import Batch, Outputs
from penstock.contracts.topics import COMMANDS, DRIFT, STATISTICS, TRAINING_REQUESTS, TRAINING_RUNS
from penstock.contracts.training import TrainingRequest
from penstock.retrain_trigger.desk import Desk
from penstock.retrain_trigger.memory import Said

TOPICS = (STATISTICS, DRIFT, TRAINING_REQUESTS, TRAINING_RUNS, COMMANDS)

S = TypeVar("S", bound=Said)


class Handlers:
    """One owner's view: the desk, and which requests it has issued but not yet read back from the log.

    Only what is on the log counts: an owner that lost its place forgets what it issued, and its successor issues it
    again under the same fence and id unless the log has it.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._issued: dict[str, int] = {}

    def routes(self) -> Sequence[Route]:
        """The same handler for every topic."""
        return [
            route(STATISTICS, self.handle),
            route(DRIFT, self.handle),
            route(TRAINING_REQUESTS, self.handle),
            route(TRAINING_RUNS, self.handle),
            route(COMMANDS, self.handle),
        ]

    def handle(self, batch: Batch[S]) -> list[Outputs[TrainingRequest]]:
        """Decide after every record, so that the size of a batch changes nothing."""
        outputs = []
        for place, record in enumerate(batch.records):
            self._desk.apply(record)
            request = self._desk.due(record.stream)
            if request is not None and self.issue(request):
                outputs.append(written(request, place))
        return outputs

    def issue(self, request: TrainingRequest) -> bool:
        """Whether the request is new; it is not when its fence was issued before."""
        if self._issued.get(request.stream, -1) >= request.fence:
            return False
        self._issued[request.stream] = request.fence
        return True


def written(request: TrainingRequest, cause: int = 0) -> Outputs[TrainingRequest]:
    """The request as it is written to the log, caused by the record at place `cause`."""
    return Outputs(TRAINING_REQUESTS, None, [request], [request.stream.encode()], causes=(cause,))
