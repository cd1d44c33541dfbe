"""What has been asked for and what came of it: a fold over requests and runs."""

from __future__ import annotations

from itertools import takewhile

from penstock.contracts.ids import derived_id
from penstock.contracts.records.training import Dataset, Segment, TrainingRequest, TrainingRun

SOURCE = "penstock/trainer"


class Ledger:
    """Requests and runs of all streams. Records may come more than once."""

    def __init__(self) -> None:
        self._newest: dict[str, TrainingRequest] = {}
        self._started: set[str] = set()
        self._ended: set[str] = set()
        self._archived: dict[str, tuple[Segment, ...]] = {}

    def take_request(self, request: TrainingRequest) -> None:
        """Take in a request; of two with one fence the first by offset stands."""
        known = self._newest.get(request.stream)
        if known is None or request.fence > known.fence:
            self._newest[request.stream] = request

    def take_run(self, run: TrainingRun) -> None:
        """Take in what became of a request."""
        (self._started if run.status == "started" else self._ended).add(run.request)
        if run.dataset is not None and _stop(run.dataset.segments) > _stop(self._archived.get(run.stream, ())):
            self._archived[run.stream] = run.dataset.segments

    def answered(self, request: TrainingRequest) -> bool:
        """Whether a run of the request is on the log."""
        return request.id in self._started or request.id in self._ended

    def ended(self, run: TrainingRun) -> bool:
        """Whether the run's request has been brought to an end."""
        return run.request in self._ended

    def outdated(self, stream: str, fence: int, request: str) -> bool:
        """Whether the stream has a newer request, or had another first under this fence."""
        newest = self._newest.get(stream)
        return newest is not None and (fence < newest.fence or (fence == newest.fence and request != newest.id))

    def archived(self, stream: str, until: int) -> tuple[Segment, ...]:
        """The segments known to be in the store that lie before offset `until`, from offset 0 without a hole."""
        return tuple(takewhile(lambda segment: segment.stop <= until, self._archived.get(stream, ())))


def _stop(segments: tuple[Segment, ...]) -> int:
    return segments[-1].stop if segments else 0


def started(request: TrainingRequest) -> TrainingRun:
    """The run of the request begins."""
    return _run(request, "started")


def refused(request: TrainingRequest) -> TrainingRun:
    """The request is out of date and will not be run."""
    return _run(request, "refused", failure="the stream has a newer request")


def _run(request: TrainingRequest, status: str, **outcome: object) -> TrainingRun:
    return TrainingRun.model_validate(
        {
            "source": SOURCE,
            "id": derived_id("run", request.id, status),
            "time": request.time,
            "cause": request.id,
            "stream": request.stream,
            "request": request.id,
            "fence": request.fence,
            "status": status,
            "reason": request.reason,
            "until": request.until,
            "since": request.since,
            **outcome,
        }
    )


def ended(begun: TrainingRun, status: str, **outcome: object) -> TrainingRun:
    """The run that `begun` started has ended as `status`."""
    changes = {"id": derived_id("run", begun.request, status), "cause": begun.id, "status": status, **outcome}
    return begun.model_copy(update=changes)


def dataset_of(segments: tuple[Segment, ...], schema_version: int, rows: int | None = None) -> Dataset:
    """The dataset made of the segments; `rows` is how many were learnt from, all of them unless given."""
    counted = sum(segment.rows for segment in segments) if rows is None else rows
    return Dataset(segments=segments, schema_version=schema_version, rows=counted)
