"""Swapping models while requests and batches are being answered."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.bus.errors import TransientError
from penstock.contracts.models import ModelEpoch
from penstock.contracts.predictions import Evidence
from penstock.contracts.streams import StreamDeclared, Streams
from penstock.ml.baseline import BASELINE
from penstock.ml.frame import Frame
from penstock.ml.models import Answers, Model
from penstock.ml.online.blend import Blend
from penstock.server.alerting import Alerts, refused_model
from penstock.server.folding import fold_of
from penstock.server.lessons import Lessons
from penstock.server.loading import Loader, RefusedModel, StoreAway
from penstock.server.serving import Epochs, Serving, Unserved

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds until a failed load is tried again
LARGE = 1000  # rows beyond which a slow model would keep the event loop from its heartbeats

Note = Callable[[str, int], None]

log = logging.getLogger("penstock.server")


class NoModel(TransientError):
    """Nothing serves the stream yet."""


class Models:
    """The models in service. `want` notes an epoch; `settle` loads its model off the loop and swaps it in.

    A model that is refused leaves the old one in service, and an alert says so. `note` hears of every epoch that
    comes into force. `caught_up` tells whether streams and epochs have been read as far as they went at the start.
    """

    def __init__(self, loader: Loader, streams: Streams, alerts: Alerts, note: Note, lessons: Lessons) -> None:
        self.caught_up = False
        self._lessons = lessons
        self._loader = loader
        self._streams = streams
        self._alerts = alerts
        self._note = note
        self._epochs = Epochs()
        lessons.folds = self._epochs.folds
        self._news = asyncio.Event()
        self._changing: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def want(self, record: ModelEpoch) -> None:
        """Note an epoch as it is heard of."""
        self._epochs.want(record)
        self._news.set()

    def serving(self, stream: str) -> Serving | None:
        """The model in service now: one reference, to be captured once a request."""
        return self._epochs.serving(stream)

    def facts(self) -> dict[str, Any]:
        """What health says: `epochs` in force, and which models are `refused` or `waiting`, and why."""
        return self._epochs.facts()

    async def keep_settled(self) -> None:
        """Load every model as soon as it is heard of, and again what failed for now, until cancelled.

        Started once streams and epochs have been read.
        """
        self.caught_up = True
        pause = FIRST_PAUSE
        while True:
            self._news.clear()
            for stream in self._epochs.streams_to_load():
                await self.settle(stream, again=True)
            await self._alerts.tell()
            unfinished = bool(self._epochs.streams_to_load() or self._alerts)
            try:
                await asyncio.wait_for(self._news.wait(), pause if unfinished else None)
                pause = FIRST_PAUSE
            except TimeoutError:
                pause = min(2 * pause, LONGEST_PAUSE)

    async def settle(self, stream: str, *, again: bool = False) -> None:
        """Have the stream's newest model in service if it may be; at once when nothing is new.

        A load that failed for now is tried again only if asked for, or while nothing else serves.
        """
        again = again or self.serving(stream) is None
        if self._epochs.to_load(stream, again) is None:
            return
        async with self._changing[stream]:
            record = self._epochs.to_load(stream, again)
            if record is not None:
                await self._swap(record)
        await self._alerts.tell()

    async def answer(
        self, declared: StreamDeclared, frame: Frame, entities: Sequence[str | None]
    ) -> tuple[Serving, Said]:
        """The answers of the model in service to n rows of n entities, and which model that was.

        A model whose answers cannot be used is refused, and the one before it answers instead.

        Raises:
            NoModel: nothing serves the stream.
        """
        while True:
            serving = self.serving(declared.name)
            if serving is None:
                raise NoModel(f"no model serves {declared.name} yet")
            try:
                return serving, await _said(serving, frame, entities)
            except Exception as error:  # a model may fail in any way
                await self._fall_back(declared, serving, error)

    async def _swap(self, record: ModelEpoch) -> None:
        declared = self._streams.get(record.stream)
        if declared is None or declared.version < record.champion.schema_version:
            self._wait(record, "its declaration is still to arrive", tried=False)
        else:
            await self._load(record, declared)
        if declared is not None and self.serving(record.stream) is None:
            await self._serve_last_good(declared, below=record.epoch)

    async def _load(self, record: ModelEpoch, declared: StreamDeclared) -> None:
        try:
            model = await asyncio.to_thread(self._loader.load, record, declared.declaration)
            await self._serve(record, model, declared)
        except StoreAway as error:
            self._wait(record, str(error))
        except RefusedModel as error:
            self._refuse(record, Unserved(record.epoch, str(error), error.passing))

    async def _serve_last_good(self, declared: StreamDeclared, below: int) -> None:
        """After a start that could not load the newest model: the last that served here, else the baseline."""
        recalled = await asyncio.to_thread(self._loader.recall, declared.name, declared.declaration)
        if recalled is not None and recalled[0].epoch < below:
            await self._serve(*recalled, declared)
            return
        first = self._epochs.first(declared.name)
        model = await self._loaded(first, declared) if first is not None and first.epoch < below else None
        if first is not None and model is not None:
            await self._serve(first, model, declared)

    async def _serve(self, record: ModelEpoch, model: Model | Blend, declared: StreamDeclared) -> None:
        fold = fold_of(model, declared.declaration)
        if fold is not None:
            await self._lessons.catch_up(record.stream, fold)
        self._epochs.serve(record.stream, Serving(record, record.champion, model, fold))
        self._note(record.stream, record.epoch)
        log.info("%s: epoch %d serves, version %d", record.stream, record.epoch, record.champion.version)

    def _wait(self, record: ModelEpoch, reason: str, tried: bool = True) -> None:
        if self._epochs.wait(record.stream, Unserved(record.epoch, reason, passing=True, tried=tried)):
            log.warning("%s: the model of epoch %d is awaited: %s", record.stream, record.epoch, reason)

    def _refuse(self, record: ModelEpoch, refused: Unserved) -> None:
        if self._epochs.refuse(record.stream, refused):
            log.warning("%s: the model of epoch %d is refused: %s", record.stream, record.epoch, refused.reason)
            self._alerts.add(refused_model(record, refused))

    async def _fall_back(self, declared: StreamDeclared, failed: Serving, error: Exception) -> None:
        async with self._changing[declared.name]:
            if self.serving(declared.name) is not failed:
                return  # another request has seen to it
            self._refuse(failed.record, Unserved(failed.epoch, f"its answers cannot be used: {error}"))
            spare = failed.spare or await self._baseline(declared, failed)
            if spare is not None:
                self._epochs.stand_in(declared.name, spare)
        await self._alerts.tell()
        if spare is None:
            raise NoModel(f"the model of {declared.name} cannot answer, and none can stand in for it") from error

    async def _baseline(self, declared: StreamDeclared, failed: Serving) -> Serving | None:
        first = self._epochs.first(declared.name)
        if first is None or first.champion.digest == failed.version.digest:
            return None
        model = await self._loaded(first, declared)
        return Serving(failed.record, first.champion, model, failed.fold) if model is not None else None

    async def _loaded(self, record: ModelEpoch, declared: StreamDeclared) -> Model | Blend | None:
        try:
            return await asyncio.to_thread(self._loader.load, record, declared.declaration)
        except (StoreAway, RefusedModel):
            return None


@dataclass(frozen=True, slots=True)
class Said:
    """The answers to n rows; how far what answered had learnt, and what its predictions carry for those who learn."""

    answers: Answers
    learnt_to: int | None = None
    evidence: Evidence | None = None


async def _said(serving: Serving, frame: Frame, entities: Sequence[str | None]) -> Said:
    fold = serving.fold
    if fold is None:
        return Said(await _predicted(serving.model, frame))
    async with fold.in_use:
        asked, known = fold.asked(frame, entities)
        answers = await _predicted(serving.model, asked)
        return Said(answers, fold.learnt_to, fold.evidence(known, answers))


async def _predicted(model: Model | Blend, frame: Frame) -> Answers:
    is_slow = isinstance(model, Blend) or (model.fused != "linear" and model.family != BASELINE)
    return await asyncio.to_thread(model.predict, frame) if is_slow and len(frame) > LARGE else model.predict(frame)
