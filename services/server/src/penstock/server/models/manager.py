"""Swapping models while requests and batches are being answered."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from penstock.bus.errors import TransientError
from penstock.contracts.records.models import Challenger, ModelEpoch, ModelVersion
from penstock.contracts.records.predictions import ShadowAnswer
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.server.learning.outcome_follower import Lessons
from penstock.server.learning.outcome_state import fold_of
from penstock.server.models.alerts import Alerts, failed_challenger, refused_model
from penstock.server.models.circuit_breaker import Arm, Challenged, challengers_of, told, without_trial
from penstock.server.models.epochs import Epochs, Serving, Unserved
from penstock.server.models.model_loader import Loader, RefusedModel, StoreAway
from penstock.server.scoring.arms import Asked, Said, shadow_answers, speak

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds until a failed load is tried again

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

    async def answer(self, declared: StreamDeclared, asked: Asked) -> tuple[Serving, list[Said]]:
        """The answers to n rows, each row once, by the models in service, and which those were.

        A champion whose answers cannot be used is refused, and the one before it answers instead; so does the champion
        for a challenger.

        Raises:
            NoModel: nothing serves the stream.
        """
        while True:
            serving = self.serving(declared.name)
            if serving is None:
                raise NoModel(f"no model serves {declared.name} yet")
            try:
                return serving, await speak(serving, asked, partial(self._failed, serving))
            except Exception as error:  # a model may fail in any way
                await self._fall_back(declared, serving, error)

    async def shadow(self, serving: Serving, asked: Asked) -> list[list[ShadowAnswer]]:
        """What the shadows of a trial would have answered to rows that were answered elsewhere."""
        return await shadow_answers(serving, asked, partial(self._failed, serving))

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
            champion = await self._arm(record, record.champion, declared)
            challengers = [await self._challenger(record, one, declared) for one in challengers_of(record)]
            self._serve(Serving(record, champion, tuple(challengers)))
        except StoreAway as error:
            self._wait(record, str(error))
        except RefusedModel as error:
            self._refuse(record, Unserved(record.epoch, str(error), error.passing))

    async def _challenger(self, record: ModelEpoch, challenger: Challenger, declared: StreamDeclared) -> Challenged:
        """The challenger, with the failures that it has had in this trial; without a model if that must not serve."""
        serving = self.serving(record.stream)
        before = serving.met(record.rollout, challenger) if serving is not None else None
        if before is not None:
            return before
        try:
            return Challenged(await self._arm(record, challenger.model, declared))
        except RefusedModel as error:
            self._alerts.add(failed_challenger(record, challenger.model.version, str(error)))
            return Challenged(None)

    async def _arm(self, record: ModelEpoch, version: ModelVersion, declared: StreamDeclared) -> Arm:
        """The model of a version: at hand, or loaded; with everything folded that is on the log.

        Raises:
            RefusedModel, StoreAway: see `Loader.load`.
        """
        serving = self.serving(record.stream)
        arm = serving.arm_of(version) if serving is not None else None
        if arm is None:
            model = await asyncio.to_thread(self._loader.load, record, version, declared.declaration)
            arm = Arm(version, model, fold_of(model, declared.declaration))
        elif version is record.champion:
            await asyncio.to_thread(self._loader.keep, record)
        if serving is None or arm not in serving.arms:  # those are followed already
            await self._catch_up(record.stream, arm)
        return arm

    async def _catch_up(self, stream: str, arm: Arm) -> None:
        if arm.fold is not None:
            await self._lessons.catch_up(stream, arm.fold)

    async def _serve_last_good(self, declared: StreamDeclared, below: int) -> None:
        """After a start that could not load the newest model: the last that served here, else the baseline."""
        recalled = await asyncio.to_thread(self._loader.recall, declared.name, declared.declaration)
        if recalled is not None and recalled[0].epoch < below:
            record, model = recalled
            arm = Arm(record.champion, model, fold_of(model, declared.declaration))
            await self._catch_up(declared.name, arm)
            self._serve(Serving(without_trial(record), arm))
            return
        first = self._epochs.first(declared.name)
        baseline = await self._baseline(first, declared) if first is not None and first.epoch < below else None
        if first is not None and baseline is not None:
            self._serve(Serving(first, baseline))

    def _serve(self, serving: Serving) -> None:
        record = serving.record
        self._epochs.serve(record.stream, serving)
        self._note(record.stream, record.epoch)
        log.info("%s: epoch %d serves, version %d", record.stream, record.epoch, record.champion.version)

    def _wait(self, record: ModelEpoch, reason: str, tried: bool = True) -> None:
        if self._epochs.wait(record.stream, Unserved(record.epoch, reason, passing=True, tried=tried)):
            log.warning("%s: the model of epoch %d is awaited: %s", record.stream, record.epoch, reason)

    def _refuse(self, record: ModelEpoch, refused: Unserved) -> None:
        if self._epochs.refuse(record.stream, refused):
            log.warning("%s: the model of epoch %d is refused: %s", record.stream, record.epoch, refused.reason)
            self._alerts.add(refused_model(record, refused))

    def _failed(self, serving: Serving, challenged: Challenged, error: BaseException) -> None:
        """A challenger did not answer; the failure that is one too many takes it out here and now."""
        record = serving.record
        assert challenged.arm is not None
        version = challenged.arm.version.version
        log.warning("%s: the challenger, version %d, did not answer: %s", record.stream, version, told(error))
        if challenged.fail():
            self._alerts.add(failed_challenger(record, version, told(error)))
            self._news.set()

    async def _fall_back(self, declared: StreamDeclared, failed: Serving, error: Exception) -> None:
        async with self._changing[declared.name]:
            if self.serving(declared.name) is not failed:
                return  # another request has seen to it
            self._refuse(failed.record, Unserved(failed.epoch, f"its answers cannot be used: {error}"))
            first = self._epochs.first(declared.name)
            spare = failed.spare or await self._baseline(first, declared)
            if spare is not None and spare.version.digest != failed.champion.version.digest:
                self._epochs.stand_in(declared.name, spare)
            else:
                spare = None
        await self._alerts.tell()
        if spare is None:
            raise NoModel(f"the model of {declared.name} cannot answer, and none can stand in for it") from error

    async def _baseline(self, first: ModelEpoch | None, declared: StreamDeclared) -> Arm | None:
        if first is None:
            return None
        try:
            return await self._arm(first, first.champion, declared)
        except (StoreAway, RefusedModel):
            return None
