"""Predict over HTTP, without HTTP: finds the batcher of a stream, and the models that serve it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from penstock.artifacts import Seal
from penstock.bus.ports import Clock
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.runtime.http.problems import RETRY_AFTER, Problem
from penstock.server.models.manager import ModelManager
from penstock.server.models.serving_models import ServingModels
from penstock.server.scoring.answer_log import AnswerLog
from penstock.server.scoring.batch_predictor import BatchPredictor, CountPredictions
from penstock.server.scoring.external_predictions import is_answered_here
from penstock.server.scoring.stream_batcher import StreamBatcher, no_model


@dataclass(frozen=True)
class Predictor:
    """Predicts events of all streams, each by its batcher; `code` is the version of this package.

    `count` is called with the predictions that were made, as `BatchPredictor` says.
    """

    models: ModelManager
    streams: Streams
    log: AnswerLog
    seal: Seal
    clock: Clock
    code: str
    count: CountPredictions
    _batchers: dict[str, StreamBatcher] = field(default_factory=dict)

    def batcher(self, stream: str) -> StreamBatcher:
        """The batcher of a stream, by the newest version of its declaration.

        Raises:
            Problem: the stream is unknown, or its model is external.
        """
        declared = self._declared(stream)
        batcher = self._batchers.get(stream)
        if batcher is None or batcher.declared is not declared:
            predictor = BatchPredictor(self.models, "http", self.code, self.count)
            batcher = StreamBatcher(declared, predictor, self.log, self.seal, self.now)
            self._batchers[stream] = batcher
        return batcher

    def serving(self, stream: str) -> ServingModels:
        """The models that serve a stream.

        Raises:
            Problem: the stream is unknown, its model is external, or no model serves it yet.
        """
        serving = self.models.serving(self._declared(stream).name)
        if serving is None:
            raise no_model()
        return serving

    def now(self) -> datetime:
        """The time by the clock, in UTC."""
        return datetime.fromtimestamp(self.clock() / 1000, UTC)

    def _declared(self, stream: str) -> StreamDeclared:
        declared = self.streams.get(stream)
        if declared is not None:
            return self._expect_own_model(declared)
        if not self.models.caught_up:
            raise Problem(503, "starting", "the declared streams are still being read", headers=RETRY_AFTER)
        raise Problem(404, "unknown_stream", "no such stream is declared", "stream")

    def _expect_own_model(self, declared: StreamDeclared) -> StreamDeclared:
        serving = self.models.serving(declared.name)
        if declared.declaration.serving.external and (serving is None or not is_answered_here(declared, serving)):
            detail = "the stream's model lives elsewhere: send events with their prediction to ingestion"
            raise Problem(409, "external_model", detail, "serving.model")
        return declared
