"""The model manager: loads models while others serve, and says which models serve each stream."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from penstock.bus.errors import TransientError
from penstock.contracts.records.models import Challenger, ModelEpoch, ModelVersion
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.server.learning.outcome_follower import OutcomeFollower
from penstock.server.learning.outcome_state import new_outcome_state
from penstock.server.models.alerts import AlertQueue, failed_challenger, refused_model
from penstock.server.models.arm import Arm
from penstock.server.models.circuit_breaker import CircuitBreaker, failure_reason
from penstock.server.models.epochs import Epochs, UnavailableModel
from penstock.server.models.model_loader import ModelLoader, RefusedModel, StoreUnavailable
from penstock.server.models.serving_models import ServingModels

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds until a failed load is tried again
PATIENCE = 5.0  # seconds after which a load that still runs no longer holds up those of other streams
READY_WITHIN = 60.0  # seconds after which a start is over, though a model be not loaded

log = logging.getLogger("penstock.server")


class NoModel(TransientError):
    """No model serves the stream yet."""


class ModelManager:
    """Which models serve. `add_epoch` takes in an epoch; `load_newest` loads its models off the loop and swaps them in.

    When a champion is refused the models before it go on serving, and an alert is published. `on_epoch` is called with
    the stream and number of every epoch that comes into force. `caught_up` is True once streams and epochs were read as
    far as they went at the start.
    """

    def __init__(
        self,
        epochs: Epochs,
        loader: ModelLoader,
        streams: Streams,
        outcomes: OutcomeFollower,
        alerts: AlertQueue,
        on_epoch: Callable[[str, int], None],
    ) -> None:
        self.caught_up = False
        self._starting = True
        self._start_limit = 0.0
        self._epochs = epochs
        self._loader = loader
        self._streams = streams
        self._outcomes = outcomes
        self._alerts = alerts
        self._on_epoch = on_epoch
        self._work = asyncio.Event()
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def add_epoch(self, record: ModelEpoch) -> None:
        """Take in an epoch as it is read from the log."""
        self._epochs.add(record)
        self._work.set()

    def serving(self, stream: str) -> ServingModels | None:
        """The models in service now: one reference, to be taken once a request or batch."""
        return self._epochs.serving(stream)

    def health_facts(self) -> dict[str, Any]:
        """The `epochs` in force, and which models are `refused` or `waiting`, and why."""
        return self._epochs.health_facts()

    @property
    def ready(self) -> bool:
        """Whether each stream that had an epoch at the start has a model that answers, or will have none for now.

        A model that takes longer than a minute to load is waited for no more. Once True it stays so.
        """
        if self._starting and self.caught_up:
            is_late = time.monotonic() >= self._start_limit
            self._starting = not (is_late or all(self.serving(stream) for stream in self._epochs.streams_to_load()))
        return not self._starting

    async def keep_newest_loaded(self) -> None:
        """Load every new epoch's models, and try again what failed for now, until cancelled.

        Started once streams and epochs have been read.
        """
        self.caught_up, self._start_limit = True, time.monotonic() + READY_WITHIN
        pause = FIRST_PAUSE
        loading: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                self._work.clear()
                await self._load_all(loading)
                await self._alerts.publish_pending()
                unfinished = bool(self._epochs.streams_to_load() or self._alerts)
                try:
                    async with asyncio.timeout(pause if unfinished else None):
                        await self._work.wait()
                    pause = FIRST_PAUSE
                except TimeoutError:
                    pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            for task in loading.values():
                task.cancel()

    async def _load_all(self, loading: dict[str, asyncio.Task[None]]) -> None:
        """Load the newest epochs of all streams; loads that take long stay in `loading` and go on beside later ones."""
        for stream in self._epochs.streams_to_load():
            if stream not in loading:
                loading[stream] = asyncio.create_task(self.load_newest(stream, retry=True))
        if loading:
            finished, _ = await asyncio.wait(loading.values(), timeout=PATIENCE)
            for stream in [stream for stream, task in loading.items() if task in finished]:
                await loading.pop(stream)

    async def load_newest(self, stream: str, *, retry: bool = False) -> None:
        """Bring the stream's newest epoch into force if its models may serve; returns at once when nothing is new.

        A load that failed for now is tried again only with `retry`, or while nothing else serves.
        """
        retry = retry or self.serving(stream) is None
        if self._epochs.to_load(stream, retry) is None:
            return
        async with self._locks[stream]:
            record = self._epochs.to_load(stream, retry)
            if record is not None:
                await self._load_or_wait(record)
        await self._alerts.publish_pending()

    def challenger_failed(self, serving: ServingModels, breaker: CircuitBreaker, error: BaseException) -> None:
        """A challenger did not answer a batch; the failure that is one too many takes it out and is an alert."""
        record = serving.record
        assert breaker.arm is not None
        version, reason = breaker.arm.version.version, failure_reason(error)
        log.warning("%s: the challenger, version %d, did not answer: %s", record.stream, version, reason)
        if breaker.record_failure():
            self._alerts.add(failed_challenger(record, version, reason))
            self._work.set()

    async def champion_failed(self, declared: StreamDeclared, failed: ServingModels, error: Exception) -> None:
        """A champion's outputs cannot be used: refuse it, and let the one before, else the baseline, take over.

        Raises:
            NoModel: none can take over.
        """
        stream = declared.name
        async with self._locks[stream]:
            if self.serving(stream) is not failed:
                return  # another batch has seen to it
            self._refuse(failed.record, UnavailableModel(failed.epoch, f"its answers cannot be used: {error}"))
            substitute = failed.previous_champion or await self._load_baseline(declared)
            if substitute is not None and substitute.version.digest == failed.champion.version.digest:
                substitute = None
            if substitute is not None:
                self._epochs.replace_champion(stream, substitute)
        await self._alerts.publish_pending()
        if substitute is None:
            raise NoModel(f"the model of {stream} cannot answer, and none can take over") from error

    async def _load_or_wait(self, record: ModelEpoch) -> None:
        declared = self._streams.get(record.stream)
        if declared is None or declared.version < record.champion.schema_version:
            self._wait(record, "its declaration is still to arrive", tried=False)
        else:
            await self._load(record, declared)
        if declared is not None and self.serving(record.stream) is None:
            await self._serve_last_good(declared, below=record.epoch)

    async def _load(self, record: ModelEpoch, declared: StreamDeclared) -> None:
        challengers = () if record.rollout is None else record.rollout.challengers
        try:
            champion = await self._arm(record, record.champion, declared)
            breakers = [await self._breaker(record, challenger, declared) for challenger in challengers]
            self._serve(ServingModels(record, champion, tuple(breakers)))
        except StoreUnavailable as error:
            self._wait(record, str(error))
        except RefusedModel as error:
            self._refuse(record, UnavailableModel(record.epoch, str(error), error.temporary))

    async def _breaker(self, record: ModelEpoch, challenger: Challenger, declared: StreamDeclared) -> CircuitBreaker:
        """The challenger with its failures so far in this rollout; without a model if that must not serve."""
        serving = self.serving(record.stream)
        before = serving.breaker_of(record.rollout, challenger) if serving is not None else None
        if before is not None:
            return before
        try:
            return CircuitBreaker(await self._arm(record, challenger.model, declared))
        except RefusedModel as error:
            self._alerts.add(failed_challenger(record, challenger.model.version, str(error)))
            return CircuitBreaker(None)

    async def _arm(self, record: ModelEpoch, version: ModelVersion, declared: StreamDeclared) -> Arm:
        """The arm of a version: the one that serves already, or newly loaded; it has learnt all outcomes on the log.

        Raises:
            RefusedModel, StoreUnavailable: see `ModelLoader.load`.
        """
        serving = self.serving(record.stream)
        arm = serving.arm_of(version) if serving is not None else None
        if arm is None:
            model = await asyncio.to_thread(self._loader.load, record, version, declared.declaration)
            return await self._new_arm(version, model, declared)
        if version is record.champion:
            await asyncio.to_thread(self._loader.save_copy, record)
        if serving is None or arm not in serving.arms:  # the follower sees to those in service
            await self._catch_up(declared.name, arm)
        return arm

    async def _new_arm(self, version: ModelVersion, model: Model | Blend, declared: StreamDeclared) -> Arm:
        arm = Arm(version, model, new_outcome_state(model, declared.declaration))
        await self._catch_up(declared.name, arm)
        return arm

    async def _catch_up(self, stream: str, arm: Arm) -> None:
        if arm.outcome_state is not None:
            await self._outcomes.catch_up(stream, arm.outcome_state)

    async def _serve_last_good(self, declared: StreamDeclared, below: int) -> None:
        """After a start that could not load the newest epoch: serve with the local copy, else with the baseline."""
        copy = await asyncio.to_thread(self._loader.load_copy, declared.name, declared.declaration)
        if copy is not None and copy[0].epoch < below:
            record, model = copy
            arm = await self._new_arm(record.champion, model, declared)
            self._serve(ServingModels(record.model_copy(update={"rollout": None}), arm))
            return
        first = self._epochs.first(declared.name)
        if first is not None and first.epoch < below:
            baseline = await self._load_baseline(declared)
            if baseline is not None:
                self._serve(ServingModels(first, baseline))

    async def _load_baseline(self, declared: StreamDeclared) -> Arm | None:
        first = self._epochs.first(declared.name)
        if first is None:
            return None
        try:
            return await self._arm(first, first.champion, declared)
        except (StoreUnavailable, RefusedModel):
            return None

    def _serve(self, serving: ServingModels) -> None:
        record = serving.record
        self._epochs.put_in_force(serving)
        self._on_epoch(record.stream, record.epoch)
        log.info("%s: epoch %d serves, version %d", record.stream, record.epoch, record.champion.version)

    def _wait(self, record: ModelEpoch, reason: str, tried: bool = True) -> None:
        if self._epochs.wait(record.stream, UnavailableModel(record.epoch, reason, temporary=True, tried=tried)):
            log.warning("%s: the model of epoch %d cannot be loaded yet: %s", record.stream, record.epoch, reason)

    def _refuse(self, record: ModelEpoch, model: UnavailableModel) -> None:
        if self._epochs.refuse(record.stream, model):
            log.warning("%s: the model of epoch %d is refused: %s", record.stream, record.epoch, model.reason)
            self._alerts.add(refused_model(record, model.reason))
