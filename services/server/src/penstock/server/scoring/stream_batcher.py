"""Predict over HTTP, from request to response, for many requests of one stream at once.

The events are checked (`predict_request`). The traffic split draws their arms, and the model of each arm is called
once, or once for so many rows (`batch_predictor`, `arm_outputs`, `row_slices`). The events are sealed with their
predictions and written to the log in one write (`sealed_events`, `answer_log`). Then each request gets its result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from penstock.artifacts import Seal
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import PredictionData
from penstock.contracts.records.streams import StreamDeclared
from penstock.runtime.http.micro_batches import MicroBatches
from penstock.runtime.http.problems import RETRY_AFTER, Problem, intake_paused
from penstock.server.models.arm import Arm
from penstock.server.models.manager import NoModel
from penstock.server.scoring.answer_log import AnswerLog
from penstock.server.scoring.batch_predictor import BatchPredictor
from penstock.server.scoring.event_order import in_event_order
from penstock.server.scoring.predict_request import (
    CheckedRequest,
    PendingPredict,
    PredictRequest,
    PredictResult,
    check_requests,
)
from penstock.server.scoring.prediction_batch import PredictionBatch
from penstock.server.scoring.row_slices import ROWS, rows_at_a_time
from penstock.server.scoring.sealed_events import seal_events


class StreamBatcher:
    """Answers requests for one stream, by one version of its declaration, in micro-batches.

    `now` gives the time that events are checked against.
    """

    def __init__(
        self,
        declared: StreamDeclared,
        predictor: BatchPredictor,
        log: AnswerLog,
        seal: Seal,
        now: Callable[[], datetime],
    ) -> None:
        self.declared = declared
        self._predictor = predictor
        self._log = log
        self._seal = seal
        self._now = now
        self._batches: MicroBatches[PredictRequest, PredictResult] = MicroBatches(self._answer, ROWS)

    async def predict(self, request: PredictRequest) -> PredictResult:
        """For each event its prediction, or why it is refused; all under one epoch.

        Raises:
            Problem: no model serves the stream, its intake is paused (which is nothing to a probe: it is no event), or
                the broker does not confirm the events.
        """
        pause = self.declared.pause
        if pause is not None and pause.intake and not request.is_probe:
            raise intake_paused(pause.detail)
        return await self._batches.submit(request, len(request.events))

    async def _answer(self, batch: Sequence[PendingPredict]) -> None:
        """Answer a micro-batch: check the events, predict those accepted, log them sealed, and respond."""
        requests = await check_requests(self.declared.declaration, batch, self._now())
        for request in requests:
            if not request.accepted:
                request.respond([], {})
        requests = [request for request in requests if request.accepted]
        if not requests:
            return
        predictions, arms = await self._predict([event for request in requests for event in request.accepted])
        by_request = _split_by_request(predictions, requests)
        problems = await self._write(requests, by_request)
        for request, own_predictions, problem in zip(requests, by_request, problems, strict=True):
            request.respond(own_predictions, arms, problem)

    async def _predict(self, events: Sequence[Event[Any]]) -> tuple[list[PredictionData], dict[int, Arm]]:
        """The predictions of n events under one epoch, and the arms that made them, by version."""
        predictions: list[PredictionData] = []
        arms: dict[int, Arm] = {}
        try:
            serving = self._predictor.serving(self.declared)
            classes = len(serving.champion.model.classes)
            most = rows_at_a_time(len(self.declared.declaration.fields) + classes)
            for start in range(0, len(events), most):
                if start:
                    await asyncio.sleep(0)
                by_arm = await self._predictor.predict(self.declared, serving, events[start : start + most])
                predictions += in_event_order(by_arm, PredictionBatch.data)
                arms |= {batch.arm.version.version: batch.arm for batch in by_arm}
        except NoModel as error:
            raise no_model() from error
        return predictions, arms

    async def _write(
        self, requests: Sequence[CheckedRequest], by_request: Sequence[Sequence[PredictionData]]
    ) -> list[Problem | None]:
        """One write for all requests but probes; the problem of each, None when its events are on the log."""
        stream = self.declared.name
        logged = [pair for pair in zip(requests, by_request, strict=True) if not pair[0].pending.request.is_probe]
        sealed = await seal_events(self._seal, stream, logged)
        wait = self.declared.declaration.serving.http == "durable"
        problems = iter(await self._log.write(stream, sealed, wait=wait))
        return [None if request.pending.request.is_probe else next(problems) for request in requests]


def _split_by_request(
    predictions: Sequence[PredictionData], requests: Sequence[CheckedRequest]
) -> list[Sequence[PredictionData]]:
    by_request: list[Sequence[PredictionData]] = []
    start = 0
    for request in requests:
        end = start + len(request.accepted)
        by_request.append(predictions[start:end])
        start = end
    return by_request


def no_model() -> Problem:
    """No model serves the stream for now."""
    return Problem(503, "no_model", "no model serves this stream yet", headers=RETRY_AFTER)
