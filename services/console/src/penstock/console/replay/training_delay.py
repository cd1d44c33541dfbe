"""Training that takes a while in stream time: a run begins some rows after the end of its training data."""

from __future__ import annotations

from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.contracts.topics import TRAINING_REQUESTS, TRAINING_RUNS
from penstock.runtime.service import Resources, Service


class TrainingDelay:
    """Holds the trainer until its request is `rows` rows old. A stream has one run at a time, so nothing piles up.

    `rows_sent` is how many rows of the stream were sent so far.

    >>> delay = TrainingDelay(100)
    >>> delay.rows_sent = 500
    >>> delay.holds()
    True
    """

    def __init__(self, rows: int) -> None:
        self.rows_sent = 0
        self._rows = rows
        self._requested_at: dict[str, int] = {}

    def holds(self) -> bool:
        """Whether the trainer is held: also while there is no request, so that a new one does not find it running."""
        return not any(self.rows_sent - row >= self._rows for row in self._requested_at.values())

    def follower_service(self, resources: Resources) -> Service:
        """The service that follows training requests and runs."""
        return Service(
            followers=[
                resources.follow(TRAINING_REQUESTS, self.apply_request),
                resources.follow(TRAINING_RUNS, self.apply_run),
            ]
        )

    def apply_request(self, request: TrainingRequest) -> None:
        """Note a request: its training data ends at the row that is sent next."""
        self._requested_at.setdefault(request.id, self.rows_sent)

    def apply_run(self, run: TrainingRun) -> None:
        """Forget the request of a run that has ended."""
        if run.status != "started":
            self._requested_at.pop(run.request, None)
