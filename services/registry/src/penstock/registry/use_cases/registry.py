"""The registry: every way in which streams, models and epochs change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from penstock.bus.errors import TransientError
from penstock.bus.ports import Clock
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.monitoring import Alert, Statistics
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.registry.command_results import Change, Occasion, Once
from penstock.registry.control_records import SOURCE
from penstock.registry.db import idempotency, rollouts, runs, streams
from penstock.registry.db.database import Database
from penstock.registry.db.relay import Relay
from penstock.registry.signature_check import Trust
from penstock.registry.use_cases import commands, rollout_commands
from penstock.registry.use_cases.commands import Promotion, Rollback
from penstock.registry.use_cases.rollout_commands import Order, Start

OPERATOR = "operator"

log = logging.getLogger(__name__)

Effect = Callable[[Session, Occasion], Change]


class Registry:
    """The system of record. Every command is one transaction, and is published before it returns, if the log answers;
    else it stands all the same and is published later.

    Every command raises `CommandRefused` when it cannot be done, and `TransientError` when database or artifact store
    are away: then it may be repeated, with the same `once`.
    """

    def __init__(self, database: Database, relay: Relay, trust: Trust, clock: Clock) -> None:
        self.database = database
        self.relay = relay
        self._trust = trust
        self._clock = clock

    async def apply(self, declaration: Declaration, actor: str = OPERATOR, traceparent: str | None = None) -> Change:
        """Declare a stream, or change its declaration. A new one is served by its baseline at once."""
        baseline = await asyncio.to_thread(self._trust.baseline, declaration)
        occasion = self._occasion(actor, traceparent)
        change = await self.database.write(lambda session: streams.declare(session, declaration, baseline, occasion))
        await self._publish()
        return change

    async def promote(
        self,
        stream: str,
        asked: Promotion,
        actor: str = OPERATOR,
        once: Once | None = None,
        traceparent: str | None = None,
    ) -> Change:
        """Let a version serve, by hand."""
        return await self._perform(
            lambda session, occasion: commands.promote(session, self._trust, stream, asked, occasion),
            self._occasion(actor, traceparent),
            once,
        )

    async def rollback(
        self,
        stream: str,
        asked: Rollback | None = None,
        actor: str = OPERATOR,
        once: Once | None = None,
        traceparent: str | None = None,
    ) -> Change:
        """Return to an earlier model."""
        return await self._perform(
            lambda session, occasion: commands.roll_back(session, self._trust, stream, asked or Rollback(), occasion),
            self._occasion(actor, traceparent),
            once,
        )

    async def retrain(
        self,
        stream: str,
        detail: str = "",
        actor: str = OPERATOR,
        once: Once | None = None,
        traceparent: str | None = None,
    ) -> Change:
        """Ask for a training."""
        return await self._perform(
            lambda session, occasion: commands.retrain(session, stream, detail, occasion),
            self._occasion(actor, traceparent),
            once,
        )

    async def imported(
        self,
        stream: str,
        outcomes: int,
        detail: str = "",
        actor: str = OPERATOR,
        once: Once | None = None,
        traceparent: str | None = None,
    ) -> Change:
        """Take note that history was imported."""
        return await self._perform(
            lambda session, occasion: commands.imported(session, stream, outcomes, detail, occasion),
            self._occasion(actor, traceparent),
            once,
        )

    async def start_rollout(
        self,
        stream: str,
        asked: Start,
        actor: str = OPERATOR,
        once: Once | None = None,
        traceparent: str | None = None,
    ) -> Change:
        """Put versions on trial beside the champion."""
        return await self._perform(
            lambda session, occasion: rollout_commands.start(session, self._trust, stream, asked, occasion),
            self._occasion(actor, traceparent),
            once,
        )

    async def order_rollout(
        self,
        stream: str,
        what: Order,
        detail: str = "",
        actor: str = OPERATOR,
        once: Once | None = None,
        traceparent: str | None = None,
    ) -> Change:
        """Pause, resume, abort or bring to its end the rollout under way."""
        return await self._perform(
            lambda session, occasion: rollout_commands.order(session, stream, what, detail, occasion),
            self._occasion(actor, traceparent),
            once,
        )

    async def archive(self, stream: str, version: int, actor: str = OPERATOR) -> Change:
        """Take a version out of choice."""
        return await self._perform(
            lambda session, occasion: commands.archive(session, stream, version, occasion), self._occasion(actor), None
        )

    # --- records of the control plane

    async def take_request(self, request: TrainingRequest) -> None:
        """Note a training request: it fences off older runs."""
        await self.database.write(lambda session: runs.take_request(session, request))

    async def take_run(self, run: TrainingRun, traceparent: str | None = None) -> None:
        """Note a training run; a finished one is judged, registered and perhaps promoted."""
        complaint = await asyncio.to_thread(self._trust.complaint, run) if run.status == "finished" else None
        occasion = Occasion(SOURCE, run.time, run.id, traceparent)
        await self.database.write(lambda session: runs.take_run(session, run, complaint, occasion))

    async def take_alert(self, alert: Alert) -> None:
        """Keep an alert for people to see."""
        occasion = Occasion(SOURCE, alert.time, alert.id)
        await self.database.write(lambda session: runs.take_alert(session, alert, occasion))

    async def on_trial(self) -> frozenset[str]:
        """The streams with a rollout under way."""
        return await self.database.read(rollouts.on_trial)

    async def take_statistics(self, block: Statistics, traceparent: str | None = None) -> None:
        """Let a block of outcomes speak for or against challengers."""
        occasion = Occasion(SOURCE, block.time, block.id, traceparent)
        await self.database.write(lambda session: rollouts.take_statistics(session, block, occasion))

    async def drain(self) -> None:
        """Publish what transactions left to be published.

        Raises:
            TransientError: the log or the database is away.
        """
        await self.relay.drain()

    # ---

    async def _perform(self, effect: Effect, occasion: Occasion, once: Once | None) -> Change:
        def work(session: Session) -> Change:
            answered = idempotency.recall(session, once) if once else None
            if answered is not None:
                return answered
            change = effect(session, occasion)
            if once:
                idempotency.remember(session, once, change, occasion)
            return change

        change = await self.database.write(work)
        await self._publish()
        return change

    async def _publish(self) -> None:
        try:
            await self.relay.drain()
        except TransientError as error:
            log.warning("a command stands and is published later: %s", error)

    def _occasion(self, actor: str, traceparent: str | None = None) -> Occasion:
        return Occasion(actor, datetime.fromtimestamp(self._clock() / 1000, UTC), None, traceparent)
