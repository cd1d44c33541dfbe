"""A request starts a run; a run that was started is brought to its end, again if need be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from penstock.artifacts import Signer
from penstock.bus.routes import Route, route
from penstock.contracts.batch import Batch, Outputs
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.records.training import Segment, TrainingRequest, TrainingRun
from penstock.contracts.topics import TRAINING_REQUESTS, TRAINING_RUNS
from penstock.trainer.candidate import candidate_of
from penstock.trainer.job import Job, Try
from penstock.trainer.runs import Ledger, dataset_of, ended, refused, started


class Archiving(Protocol):
    """Keeps what a model learns from."""

    async def extend(self, stream: StreamDeclared, known: Sequence[Segment], until: int) -> tuple[Segment, ...]:
        """Segments that cover the stream's outcomes at offsets `[0, until)`, given those that are known."""


class Handlers:
    """Trains what is asked for. Everything it remembers is on the log."""

    def __init__(self, ledger: Ledger, streams: Streams, archive: Archiving, carry_out: Try, signer: Signer) -> None:
        self._ledger = ledger
        self._streams = streams
        self._archive = archive
        self._carry_out = carry_out
        self._signer = signer

    def routes(self) -> Sequence[Route]:
        """Requests and runs."""
        return [route(TRAINING_REQUESTS, self.requests), route(TRAINING_RUNS, self.runs)]

    def requests(self, batch: Batch[TrainingRequest]) -> list[Outputs[TrainingRun]]:
        """Start a run for every request that has none, unless a newer request has overtaken it."""
        outputs = []
        for place, request in enumerate(batch.records):
            self._ledger.take_request(request)
            if not self._ledger.answered(request):
                outdated = self._ledger.outdated(request.stream, request.fence, request.id)
                outputs.append(_written(refused(request) if outdated else started(request), place))
        return outputs

    async def runs(self, batch: Batch[TrainingRun]) -> list[Outputs[TrainingRun]]:
        """Bring every run that was started and has not ended to its end.

        An end counts once it is read from the log: one that could not be written is worked out again.
        """
        ends: dict[str, Outputs[TrainingRun]] = {}
        for run in batch.records:
            self._ledger.take_run(run)
        for place, run in enumerate(batch.records):
            if run.status == "started" and not self._ledger.ended(run) and run.request not in ends:
                ends[run.request] = _written(await self._end(run), place)
        return list(ends.values())

    async def _end(self, run: TrainingRun) -> TrainingRun:
        if self._ledger.outdated(run.stream, run.fence, run.request):
            return ended(run, "refused", failure="the stream has a newer request")
        stream = self._streams.get(run.stream)
        if stream is None:
            return ended(run, "failed", failure=f"no stream {run.stream!r} is declared")
        return await self._train(run, stream)

    async def _train(self, run: TrainingRun, stream: StreamDeclared) -> TrainingRun:
        segments = await self._archive.extend(stream, self._ledger.archived(run.stream, run.until), run.until)
        attempt = await self._carry_out(Job(declaration=stream.declaration, segments=segments, since=run.since))
        trained = attempt.trained
        dataset = dataset_of(segments, stream.version, trained.rows if trained else None)
        said: dict[str, Any] = {"dataset": dataset, "cpu_seconds": attempt.cpu_seconds}
        if trained is None:
            return ended(run, "failed", failure=attempt.failure, **said)
        candidate = candidate_of(run, trained, dataset, self._signer)
        said |= {"evaluation": trained.evaluation, "candidate": candidate, "learnt_from": trained.learnt_from}
        said["scoring_seconds"] = trained.scoring_seconds
        return ended(run, "finished", **said)


def _written(run: TrainingRun, cause: int) -> Outputs[TrainingRun]:
    """The run as it is written to the log, caused by the record at place `cause`."""
    return Outputs(TRAINING_RUNS, None, [run], [run.stream.encode()], causes=(cause,))
