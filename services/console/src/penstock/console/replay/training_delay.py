"""Training that takes its time in stream time: a run begins a number of rows after the row its data was cut at."""

from __future__ import annotations

from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.contracts.topics import TRAINING_REQUESTS, TRAINING_RUNS
from penstock.runtime.service import Resources, Service


class TrainingDelay:
    """Holds the trainer until its request is `rows` rows old. Nothing piles up: a stream has one run at a time.

    >>> delay = TrainingDelay(100)
    >>> delay.rows_sent = 500
    >>> delay.holds()
    True
    """

    def __init__(self, rows: int) -> None:
        self.rows_sent = 0
        self._rows = rows
        self._asked_at: dict[str, int] = {}

    def holds(self) -> bool:
        """Whether the trainer is to wait. It waits for a request, too: one that comes must not find it running."""
        return not any(self.rows_sent - asked_at >= self._rows for asked_at in self._asked_at.values())

    def watching(self, resources: Resources) -> Service:
        """What follows the requests and what came of them."""
        return Service(
            followers=[resources.follow(TRAINING_REQUESTS, self.asked), resources.follow(TRAINING_RUNS, self.ran)]
        )

    def asked(self, request: TrainingRequest) -> None:
        """A request: its data was cut at the row that is next to be sent."""
        self._asked_at.setdefault(request.id, self.rows_sent)

    def ran(self, run: TrainingRun) -> None:
        """A run that has ended is no longer open."""
        if run.status != "started":
            self._asked_at.pop(run.request, None)
