"""The history of training requests and runs, and the records of a run."""

from __future__ import annotations

from itertools import takewhile

from penstock.contracts.first_by_offset import FirstByOffset
from penstock.contracts.ids import derived_id
from penstock.contracts.records.training import Dataset, Segment, TrainingRequest, TrainingRun

SOURCE = "penstock/trainer"


class RunHistory:
    """Requests and runs of all streams. Records may come more than once."""

    def __init__(self) -> None:
        self._requests: FirstByOffset[tuple[str, int], str] = FirstByOffset()  # ids by stream and fence
        self._newest_fences: dict[str, int] = {}
        self._started: set[str] = set()
        self._ended: set[str] = set()
        self._segments: dict[str, tuple[Segment, ...]] = {}
        self._untils: dict[str, int] = {}

    def add_request(self, request: TrainingRequest) -> None:
        """Add a request; of two with the same fence the first by offset counts."""
        self._requests.add((request.stream, request.fence), request.id)
        self._untils[request.id] = request.until
        newest = self._newest_fences.get(request.stream, request.fence)
        self._newest_fences[request.stream] = max(newest, request.fence)

    def add_run(self, run: TrainingRun) -> None:
        """Add a run's start or end."""
        (self._started if run.status == "started" else self._ended).add(run.request)
        if run.dataset is not None and _stop(run.dataset.segments) > _stop(self._segments.get(run.stream, ())):
            self._segments[run.stream] = run.dataset.segments

    def has_run(self, request: TrainingRequest) -> bool:
        """Whether a run of the request is on the log."""
        return request.id in self._started or request.id in self._ended

    def has_ended(self, run: TrainingRun) -> bool:
        """Whether the end of the run is on the log."""
        return run.request in self._ended

    def is_outdated(self, stream: str, fence: int, request: str) -> bool:
        """Whether the stream has a newer request, or had another first under this fence."""
        if fence < self._newest_fences.get(stream, fence):
            return True
        return self._requests.get((stream, fence), request) != request

    def until(self, request: str | None) -> int:
        """The offset before which a request's outcomes lie; 0 for a model that came of none."""
        return self._untils.get(request or "", 0)

    def archived_segments(self, stream: str, until: int) -> tuple[Segment, ...]:
        """The segments in the store that lie before offset `until`, from offset 0 without a gap."""
        return tuple(takewhile(lambda segment: segment.stop <= until, self._segments.get(stream, ())))


def _stop(segments: tuple[Segment, ...]) -> int:
    return segments[-1].stop if segments else 0


def start_run(request: TrainingRequest) -> TrainingRun:
    """The record that the request's run has started."""
    return _run(request, "started")


def refuse_request(request: TrainingRequest) -> TrainingRun:
    """The record that the request is out of date and will not be run."""
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
            "earlier_changes": request.earlier_changes,
            "shortfall": request.shortfall,
            "push": request.push,
            **outcome,
        }
    )


def end_run(run: TrainingRun, status: str, **outcome: object) -> TrainingRun:
    """The record that a run, given by the record of its start, has ended as `status`."""
    changes = {"id": derived_id("run", run.request, status), "cause": run.id, "status": status, **outcome}
    return run.model_copy(update=changes)


def dataset_of(segments: tuple[Segment, ...], schema_version: int, rows: int | None = None) -> Dataset:
    """The dataset of these segments; `rows` is how many of theirs were trained on, all of them by default."""
    total = sum(segment.rows for segment in segments) if rows is None else rows
    return Dataset(segments=segments, schema_version=schema_version, rows=total)
