"""A request starts a run; a run that was started is brought to its end, again if need be."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from penstock.artifacts import Signer
from penstock.bus.errors import TransientError
from penstock.bus.routes import Route, route
from penstock.contracts.batch import Batch, Outputs
from penstock.contracts.records.models import ModelVersion
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.records.training import Dataset, Segment, TrainingRequest, TrainingRun
from penstock.contracts.topics import TRAINING_REQUESTS, TRAINING_RUNS
from penstock.trainer.candidate import candidate_of
from penstock.trainer.champions import Champions
from penstock.trainer.failure_text import LONGEST_FAILURE, first_line
from penstock.trainer.job import PackageReference, RunJob, TrainingJob, TrainingResult
from penstock.trainer.runs import RunHistory, dataset_of, end_run, refuse_request, start_run

log = logging.getLogger("penstock.trainer")

TRIES = 3  # to bring a run to its end; faults of the learners themselves are not tried again
LARGEST_RUN = 950_000  # bytes of a run's record: with its key below what the log takes


class Archive(Protocol):
    """Keeps the outcomes that models are trained on."""

    async def extend(self, stream: StreamDeclared, archived: Sequence[Segment], until: int) -> tuple[Segment, ...]:
        """Segments that cover the stream's outcomes at offsets `[0, until)`; those `archived` are used again."""


class Handlers:
    """Trains what is requested. All state is on the log."""

    def __init__(
        self,
        history: RunHistory,
        champions: Champions,
        streams: Streams,
        archive: Archive,
        run_job: RunJob,
        signer: Signer,
    ) -> None:
        self._history = history
        self._champions = champions
        self._streams = streams
        self._archive = archive
        self._run_job = run_job
        self._signer = signer

    def routes(self) -> Sequence[Route]:
        """Requests and runs."""
        return [route(TRAINING_REQUESTS, self.requests), route(TRAINING_RUNS, self.runs)]

    def requests(self, batch: Batch[TrainingRequest]) -> list[Outputs[TrainingRun]]:
        """Start a run for every request that has none, unless a newer request has overtaken it."""
        outputs = []
        for index, request in enumerate(batch.records):
            self._history.add_request(request)
            if not self._history.has_run(request):
                outdated = self._history.is_outdated(request.stream, request.fence, request.id)
                outputs.append(_output(refuse_request(request) if outdated else start_run(request), index))
        return outputs

    async def runs(self, batch: Batch[TrainingRun]) -> list[Outputs[TrainingRun]]:
        """Bring every run that was started and has not ended to its end.

        An end counts once it is read from the log: one that could not be written is worked out again.
        """
        ends: dict[str, Outputs[TrainingRun]] = {}
        for run in batch.records:
            self._history.add_run(run)
        for index, run in enumerate(batch.records):
            if run.status == "started" and not self._history.has_ended(run) and run.request not in ends:
                ends[run.request] = _output(await self._end(run), index)
        return list(ends.values())

    async def _end(self, run: TrainingRun) -> TrainingRun:
        if self._history.is_outdated(run.stream, run.fence, run.request):
            return end_run(run, "refused", failure="the stream has a newer request")
        stream = self._streams.get(run.stream)
        if stream is None:
            return end_run(run, "failed", failure=f"no stream {run.stream!r} is declared")
        return await self._end_after_tries(run, stream)

    async def _end_after_tries(self, run: TrainingRun, stream: StreamDeclared) -> TrainingRun:
        """The end of the run; `failed` once `TRIES` have come to a fault, which concerns this run alone.

        Raises:
            TransientError: the log or the store does not answer, which concerns all runs.
        """
        failure = ""
        for number in range(1, TRIES + 1):
            try:
                end = await self._train(run, stream)
                return end if len(end.to_json()) <= LARGEST_RUN else _too_large(run, end)
            except TransientError:
                raise
            except Exception as error:
                log.exception("%s: try %d of %d to train for request %s", run.stream, number, TRIES, run.request)
                failure = first_line(error)
        return end_run(run, "failed", failure=f"{failure} ({TRIES} tries)")

    async def _train(self, run: TrainingRun, stream: StreamDeclared) -> TrainingRun:
        archived = self._history.archived_segments(run.stream, run.until)
        segments = await self._archive.extend(stream, archived, run.until)
        result = await self._run_job(self._job(run, stream, segments))
        dataset = dataset_of(segments, stream.version, result.model.rows if result.model else None)
        return self._end_with(run, result, dataset)

    def _job(self, run: TrainingRun, stream: StreamDeclared, segments: tuple[Segment, ...]) -> TrainingJob:
        champion = self._champions.champion(run.stream)
        alternatives = () if run.shortfall is None else self._champions.alternatives(run.stream)
        return TrainingJob(
            declaration=stream.declaration,
            segments=segments,
            changes=() if run.since is None else (*reversed(run.earlier_changes), run.since),
            champion=self._reference(champion) if champion else None,
            alternatives=tuple(self._reference(model) for model in alternatives),
            push=run.push,
        )

    def _reference(self, model: ModelVersion) -> PackageReference:
        until, push = self._history.until(model.run), model.push is not None
        return PackageReference(version=model.version, digest=model.digest, until=until, push=push)

    def _end_with(self, run: TrainingRun, result: TrainingResult, dataset: Dataset) -> TrainingRun:
        model = result.model
        evidence = {
            "dataset": dataset,
            "cpu_seconds": result.cpu_seconds,
            "environment": result.environment,
            "returns": result.returns,
        }
        if model is None:
            return end_run(run, "failed", failure=(result.failure or "")[:LONGEST_FAILURE], **evidence)
        return end_run(
            run,
            "finished",
            **evidence,
            evaluation=model.evaluation,
            candidate=candidate_of(run, model, dataset, self._signer),
            learnt_from=model.learnt_from,
            scoring_seconds=model.scoring_seconds,
            latency_p99_ms=model.latency_p99_ms,
        )


def _too_large(run: TrainingRun, end: TrainingRun) -> TrainingRun:
    size = f"{len(end.to_json()):,} bytes, the log takes {LARGEST_RUN:,}"
    return end_run(run, "failed", failure=f"the record of its end is too large: {size}", cpu_seconds=end.cpu_seconds)


def _output(run: TrainingRun, cause: int) -> Outputs[TrainingRun]:
    """The run as an output, caused by the record at index `cause` of the batch."""
    return Outputs(TRAINING_RUNS, None, [run], [run.stream.encode()], causes=(cause,))
