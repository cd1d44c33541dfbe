"""The model manager: loads models while others serve, and says which models serve each stream."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from penstock.bus.alert_queue import AlertQueue
from penstock.bus.errors import TransientError
from penstock.contracts.records.models import Challenger, ModelEpoch
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.server.learning.outcome_follower import OutcomeFollower
from penstock.server.models.alerts import failed_challenger
from penstock.server.models.arm import Arm
from penstock.server.models.arm_loader import ArmLoader
from penstock.server.models.circuit_breaker import CircuitBreaker, failure_reason
from penstock.server.models.epochs import Epochs, UnavailableModel
from penstock.server.models.load import Load
from penstock.server.models.model_check import RefusedModel
from penstock.server.models.model_loader import StoreUnavailable
from penstock.server.models.refusals import Refusals
from penstock.server.models.serving_models import ServingModels

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds until a failed load is tried again
PATIENCE = 5.0  # seconds after which a load that still runs no longer holds up those of other streams
TAKE_OVER_WITHIN = 30.0  # seconds that a partition waits for the models that its last owner may have served already
READY_WITHIN = 60.0  # seconds after which a start is over, though a model be not loaded

log = logging.getLogger("penstock.server")


class NoModel(TransientError):
    """No model serves the stream yet."""


class ModelManager:
    """Which models serve. `add_epoch` takes in an epoch; `load_newest` loads its models off the loop and swaps them in.

    When a champion is refused the models before it go on serving, and an alert is published; another when its model, or
    a later one, serves. `on_epoch` is called with
    the stream and number of every epoch that comes into force. A load is waited for `patience` seconds while another
    model serves (None: to its end, so that what answers does not depend on how fast the machine is). `caught_up` is
    True once streams and epochs were read as far as they went at the start.
    """

    def __init__(
        self,
        epochs: Epochs,
        loader: ArmLoader,
        streams: Streams,
        outcomes: OutcomeFollower,
        alerts: AlertQueue,
        on_epoch: Callable[[str, int], None],
        patience: float | None = PATIENCE,
    ) -> None:
        self.caught_up = False
        self._starting = True
        self._start_limit = 0.0
        self._epochs = epochs
        self._patience = patience
        self._loader = loader
        self._streams = streams
        self._outcomes = outcomes
        self._alerts = alerts
        self._refusals = Refusals()
        self._on_epoch = on_epoch
        self._work = asyncio.Event()
        self._loads: dict[str, Load] = {}
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._deleted: set[str] = set()  # streams whose models are still to be let go of

    def add_epoch(self, record: ModelEpoch) -> None:
        """Take in an epoch as it is read from the log."""
        self._epochs.add(record)
        self._work.set()

    def add_stream(self, record: StreamDeclared) -> None:
        """Take in a stream as it is read from the log: one that was deleted needs its models no more."""
        if record.deletion is not None:
            self._deleted.add(record.name)
            self._work.set()

    def add_alert(self, alert: Alert) -> None:
        """Take in an alert as it is read from the log: which refusals were told of, and are not over."""
        self._refusals.apply(alert)

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

    def waits_for(self) -> list[str]:
        """What it waits for before it can answer: the models of streams, by name, that are being loaded."""
        if self.ready:
            return []
        streams = [stream for stream in self._epochs.streams_to_load() if not self.serving(stream)]
        return (
            [f"the models of {', '.join(streams)}, which are being loaded"] if streams else ["the epochs of its models"]
        )

    async def keep_newest_loaded(self) -> None:
        """Load every new epoch's models, and try again what failed for now, until cancelled.

        Started once streams and epochs have been read.
        """
        self.caught_up, self._start_limit = True, time.monotonic() + READY_WITHIN
        pause = FIRST_PAUSE
        try:
            while True:
                self._work.clear()
                self._forget_deleted()
                await self._load_all()
                await self._alerts.publish_pending()
                unfinished = bool(self._epochs.streams_to_load() or self._alerts)
                try:
                    async with asyncio.timeout(pause if unfinished else None):
                        await self._work.wait()
                    pause = FIRST_PAUSE
                except TimeoutError:
                    pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            await self.close()

    def _forget_deleted(self) -> None:
        """Let go of the models of deleted streams; where a load is under way, after its end."""
        for stream in list(self._deleted):
            load = self._loads.get(stream)
            if load is not None and not load.task.done():
                load.task.add_done_callback(lambda _: self._work.set())
                continue
            self._close_challengers(self._epochs.forget(stream))
            self._loads.pop(stream, None)
            self._deleted.discard(stream)

    async def load_newest(self, stream: str) -> None:
        """Bring the stream's newest epoch into force if its models may serve; returns at once when nothing is new.

        A load that failed for now is tried again only while nothing else serves. One that takes long is waited for no
        longer while another model serves: it goes on, and comes into force later.
        """
        if self._epochs.to_load(stream, retry=self.serving(stream) is None) is not None:
            load = self._start_load(stream)
            await load.wait(None if self.serving(stream) is None else self._patience)
        await self._alerts.publish_pending()

    async def take_over(self, stream: str) -> None:
        """Bring the stream's newest epoch into force before a partition of another process is gone on with.

        That one may have served it already, and for no key do epochs fall. A load that was under way may be of an older
        epoch, so that another follows; both are waited for from now on, for this process may have stood still.
        """
        for _ in range(2):
            if self.serving(stream) is not None and self._epochs.to_load(stream) is not None:
                await asyncio.wait({self._start_load(stream).task}, timeout=TAKE_OVER_WITHIN / 2)

    async def _load_all(self) -> None:
        """Load the newest epochs of all streams; loads that take long go on beside later ones."""
        loads = [self._start_load(stream) for stream in self._epochs.streams_to_load()]
        await asyncio.gather(*(load.wait(self._patience) for load in loads))

    def _start_load(self, stream: str) -> Load:
        """The load of the stream's newest epoch that is under way, else a new one."""
        load = self._loads.get(stream)
        if load is None or load.task.done():
            load = self._loads[stream] = Load(asyncio.ensure_future(self._load_newest(stream)))
        return load

    async def _load_newest(self, stream: str) -> None:
        async with self._locks[stream]:
            record = self._epochs.to_load(stream, retry=True)
            if record is not None:
                await self._load_or_say_why(record)
        await self._alerts.publish_pending()
        if record is not None and self._epochs.newest(stream) is not record:
            self._work.set()

    async def _load_or_say_why(self, record: ModelEpoch) -> None:
        """Load an epoch's models; whatever happens the models before them serve on, and it is tried again."""
        try:
            await self._load_or_wait(record)
        except TransientError as error:
            self._wait(record, str(error))
        except Exception as error:
            log.exception("%s: the model of epoch %d could not be loaded", record.stream, record.epoch)
            self._wait(record, f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Stop loading, and end the processes of models."""
        for load in self._loads.values():
            load.task.cancel()
        for stream in self._epochs.streams():
            self._close_challengers(self.serving(stream))
        await self._loader.close()

    def challenger_failed(self, serving: ServingModels, breaker: CircuitBreaker, error: BaseException) -> None:
        """A challenger did not answer a batch; the failure that is one too many takes it out and is an alert."""
        record = serving.record
        assert breaker.arm is not None
        version, reason = breaker.arm.version.version, failure_reason(error)
        log.warning("%s: the challenger, version %d, did not answer: %s", record.stream, version, reason)
        if breaker.record_failure():
            breaker.arm.model.close()
            self._alerts.add(failed_challenger(record, version, reason))
            self._work.set()

    async def champion_failed(
        self, declared: StreamDeclared, failed: ServingModels, error: Exception, rows: Sequence[str]
    ) -> Arm:
        """A champion failed at some rows of a batch: the one before, else the baseline, which is to answer those.

        `rows` are texts that tell rows apart. When failures repeat the champion is refused, and the other takes over.

        Raises:
            NoModel: there is no other.
        """
        stream, champion = declared.name, failed.champion
        log.warning("%s: the champion, version %d, failed: %s", stream, champion.version.version, error)
        repeats = champion.failures.record_failure(rows)
        async with self._locks[stream]:
            substitute = await self._substitute(declared, failed)
            serving = self.serving(stream)
            if serving is not None and serving.champion is champion:
                if repeats:
                    self._refuse(
                        serving.record, UnavailableModel(serving.epoch, f"its answers cannot be used: {error}")
                    )
                if substitute is not None:
                    self._epochs.substitute(stream, substitute, take_over=repeats)
        await self._alerts.publish_pending()
        if substitute is None:
            raise NoModel(f"the model of {stream} cannot answer, and none can take over") from error
        return substitute

    async def _substitute(self, declared: StreamDeclared, failed: ServingModels) -> Arm | None:
        """The champion before, else the baseline; None when that is the one that failed, or cannot be loaded."""
        substitute = failed.previous_champion or await self._load_baseline(declared)
        if substitute is None or substitute.version.digest == failed.champion.version.digest:
            return None
        return substitute

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
            champion = await self._champion(record, declared)
            breakers = [await self._breaker(record, challenger, declared) for challenger in challengers]
            self._serve(ServingModels(record, champion, tuple(breakers)))
            if (alert := self._refusals.end(record)) is not None:
                self._alerts.add(alert)
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
            arm = await self._loader.challenger(record, challenger.model, declared.declaration)
        except RefusedModel as error:
            self._alerts.add(failed_challenger(record, challenger.model.version, str(error)))
            return CircuitBreaker(None)
        await self._catch_up(declared.name, arm)
        return CircuitBreaker(arm)

    async def _champion(self, record: ModelEpoch, declared: StreamDeclared) -> Arm:
        """The champion of an epoch: one that serves already, or newly loaded; it has learnt all outcomes on the log.

        Raises:
            RefusedModel, StoreUnavailable: see `ArmLoader.champion`.
        """
        serving = self.serving(record.stream)
        arm = serving.champion_of(record.champion) if serving is not None else None
        if arm is None:
            arm = await self._loader.champion(record, declared.declaration)
        else:
            await self._loader.save_copy(record)
        if serving is None or arm is not serving.champion:  # the follower sees to those in service
            await self._catch_up(declared.name, arm)
        return arm

    async def _catch_up(self, stream: str, arm: Arm) -> None:
        if arm.model.learner is not None:
            await self._outcomes.catch_up(stream, arm.model.learner)

    async def _serve_last_good(self, declared: StreamDeclared, below: int) -> None:
        """After a start that could not load the newest epoch: serve with the local copy, else with the baseline."""
        copy = await self._loader.local_copy(declared.name, declared.declaration, below)
        if copy is not None:
            record, arm = copy
            await self._catch_up(declared.name, arm)
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
            return await self._champion(first, declared)
        except (StoreUnavailable, RefusedModel):
            return None

    def _serve(self, serving: ServingModels) -> None:
        record, before = serving.record, self.serving(serving.record.stream)
        self._epochs.put_in_force(serving)
        self._close_challengers(before, kept=serving.breakers)
        self._on_epoch(record.stream, record.epoch)
        log.info("%s: epoch %d serves, version %d", record.stream, record.epoch, record.champion.version)

    @staticmethod
    def _close_challengers(serving: ServingModels | None, kept: Sequence[CircuitBreaker] = ()) -> None:
        for breaker in () if serving is None else serving.breakers:
            if breaker.arm is not None and breaker not in kept:
                breaker.arm.model.close()

    def _wait(self, record: ModelEpoch, reason: str, tried: bool = True) -> None:
        if self._epochs.wait(record.stream, UnavailableModel(record.epoch, reason, temporary=True, tried=tried)):
            log.warning("%s: the model of epoch %d cannot be loaded yet: %s", record.stream, record.epoch, reason)

    def _refuse(self, record: ModelEpoch, model: UnavailableModel) -> None:
        if self._epochs.refuse(record.stream, model):
            log.warning("%s: the model of epoch %d is refused: %s", record.stream, record.epoch, model.reason)
            self._alerts.add(self._refusals.begin(record, model.reason))
