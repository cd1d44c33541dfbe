"""The registry: every way in which streams, models and epochs change, each as one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from penstock.bus.errors import TransientError
from penstock.bus.ports import Clock
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.monitoring import Alert, Statistics
from penstock.contracts.records.pushes import Push
from penstock.contracts.records.repairs import Repair
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.registry.baseline_model import BaselinePublisher
from penstock.registry.command_context import CommandContext, Provenance
from penstock.registry.command_results import CommandResult
from penstock.registry.control_records import SOURCE
from penstock.registry.db import idempotency, rollouts, training_runs
from penstock.registry.db.outbox_relay import OutboxRelay
from penstock.registry.db.transactions import Database
from penstock.registry.signature_check import SignatureCheck
from penstock.registry.use_cases import (
    declarations,
    deletions,
    holds,
    model_commands,
    pauses,
    proposal_commands,
    rollout_commands,
    training_commands,
)
from penstock.registry.use_cases.alerts import record_alert
from penstock.registry.use_cases.model_commands import Promotion, Rollback
from penstock.registry.use_cases.repairs import record_repair
from penstock.registry.use_cases.resumed_units import record_resumed_units
from penstock.registry.use_cases.rollout_commands import RolloutAction, RolloutStart
from penstock.registry.use_cases.rollouts import record_statistics
from penstock.registry.use_cases.training_runs import record_run

BY_OPERATOR = CommandContext()

log = logging.getLogger(__name__)

Transaction = Callable[[Session, Provenance], CommandResult]


class Registry:
    """The system of record.

    A command is published before it returns, if the log answers; if not, it holds all the same and is published later.

    Every command raises `CommandRefused` when it cannot be done, and `TransientError` when database or artifact store
    are away: then it may be repeated, under the same idempotency key.
    """

    def __init__(
        self,
        database: Database,
        relay: OutboxRelay,
        baselines: BaselinePublisher,
        signature_check: SignatureCheck,
        clock: Clock,
    ) -> None:
        self.database = database
        self.relay = relay
        self._baselines = baselines
        self._check = signature_check
        self._clock = clock

    # --- commands

    async def apply(self, declaration: Declaration, context: CommandContext = BY_OPERATOR) -> CommandResult:
        """Declare a stream, or change its declaration. A new one is served by its baseline at once."""
        baseline = await asyncio.to_thread(self._baselines.publish, declaration)
        return await self._execute(
            lambda session, provenance: declarations.apply(session, declaration, baseline, provenance), context
        )

    async def promote(self, stream: str, promotion: Promotion, context: CommandContext = BY_OPERATOR) -> CommandResult:
        """Let a version serve, by hand."""
        return await self._execute(
            lambda session, provenance: model_commands.promote(session, self._check, stream, promotion, provenance),
            context,
        )

    async def roll_back(self, stream: str, rollback: Rollback, context: CommandContext = BY_OPERATOR) -> CommandResult:
        """Return to an earlier model."""
        return await self._execute(
            lambda session, provenance: model_commands.roll_back(session, self._check, stream, rollback, provenance),
            context,
        )

    async def release(self, stream: str, detail: str = "", context: CommandContext = BY_OPERATOR) -> CommandResult:
        """Lift the hold of a rollback: the registry acts by itself again."""
        return await self._execute(
            lambda session, provenance: holds.release(session, stream, detail, provenance), context
        )

    async def pause(
        self, stream: str, reason: str, *, intake: bool = False, context: CommandContext = BY_OPERATOR
    ) -> CommandResult:
        """Pause a stream: it is neither trained nor changed by itself; with `intake` it takes nothing in."""
        return await self._execute(
            lambda session, provenance: pauses.begin(session, stream, intake, reason, provenance), context
        )

    async def resume(self, stream: str, reason: str = "", context: CommandContext = BY_OPERATOR) -> CommandResult:
        """Let a paused stream go on."""
        return await self._execute(lambda session, provenance: pauses.end(session, stream, reason, provenance), context)

    async def delete(self, stream: str, reason: str, context: CommandContext = BY_OPERATOR) -> CommandResult:
        """Delete a stream for good: services leave it, and then its topics are deleted. Its name is not given again."""
        return await self._execute(
            lambda session, provenance: deletions.begin(session, stream, reason, provenance), context
        )

    async def approve(self, proposal: int, reason: str = "", context: CommandContext = BY_OPERATOR) -> CommandResult:
        """Carry out a proposal that waits."""
        return await self._execute(
            lambda session, provenance: proposal_commands.approve(session, self._check, proposal, reason, provenance),
            context,
        )

    async def decline(self, proposal: int, reason: str, context: CommandContext = BY_OPERATOR) -> CommandResult:
        """Decline a proposal that waits."""
        return await self._execute(
            lambda session, provenance: proposal_commands.decline(session, proposal, reason, provenance), context
        )

    async def archive(self, stream: str, version: int, context: CommandContext = BY_OPERATOR) -> CommandResult:
        """Archive a version: it can no longer be promoted or rolled back to."""
        return await self._execute(
            lambda session, provenance: model_commands.archive(session, stream, version, provenance), context
        )

    async def request_training(
        self, stream: str, detail: str = "", context: CommandContext = BY_OPERATOR
    ) -> CommandResult:
        """Ask for a training."""
        return await self._execute(
            lambda session, provenance: training_commands.request_training(session, stream, detail, provenance),
            context,
        )

    async def push_model(self, stream: str, push: Push, context: CommandContext = BY_OPERATOR) -> CommandResult:
        """Have a model judged that a person made, and put into the store."""
        return await self._execute(
            lambda session, provenance: training_commands.push_model(session, self._check, stream, push, provenance),
            context,
        )

    async def announce_import(
        self, stream: str, outcomes: int, detail: str = "", context: CommandContext = BY_OPERATOR
    ) -> CommandResult:
        """Announce that history was imported, with which the stream has `outcomes` outcomes."""
        return await self._execute(
            lambda session, provenance: training_commands.announce_import(
                session, stream, outcomes, detail, provenance
            ),
            context,
        )

    async def record_repair(self, stream: str, repair: Repair, context: CommandContext = BY_OPERATOR) -> CommandResult:
        """Keep a step of a repair of rejected records or dead letters."""
        return await self._execute(
            lambda session, provenance: record_repair(session, stream, repair, provenance), context
        )

    async def record_resumed_units(
        self,
        stream: str,
        resumed: Mapping[str, Sequence[int]],
        reason: str = "",
        context: CommandContext = BY_OPERATOR,
    ) -> CommandResult:
        """Keep that a person had services try partitions of a stream again."""
        return await self._execute(
            lambda session, provenance: record_resumed_units(session, stream, resumed, reason, provenance), context
        )

    async def start_rollout(
        self, stream: str, start: RolloutStart, context: CommandContext = BY_OPERATOR
    ) -> CommandResult:
        """Let versions answer beside the champion, by degrees."""
        return await self._execute(
            lambda session, provenance: rollout_commands.start_rollout(session, self._check, stream, start, provenance),
            context,
        )

    async def control_rollout(
        self, stream: str, action: RolloutAction, detail: str = "", context: CommandContext = BY_OPERATOR
    ) -> CommandResult:
        """Pause, resume, abort or promote the rollout under way."""
        return await self._execute(
            lambda session, provenance: rollout_commands.control_rollout(session, stream, action, detail, provenance),
            context,
        )

    # --- records of the control plane; recording one again changes nothing

    async def record_request(self, request: TrainingRequest) -> None:
        """Record a training request: runs of older ones are refused from then on."""
        await self.database.write(lambda session: training_runs.add_request(session, request))

    async def record_run(self, run: TrainingRun, traceparent: str | None = None) -> None:
        """Record a training run; the candidate of a finished one is registered and perhaps promoted."""
        finished = run.status == "finished"
        refusal = await asyncio.to_thread(self._check.refusal_of_run, run) if finished else None
        provenance = _provenance_of(run, traceparent)
        await self.database.write(lambda session: record_run(session, self._check, run, refusal, provenance))

    async def record_alert(self, alert: Alert) -> None:
        """Record an alert; one of a failed challenger ends its rollout."""
        await self.database.write(lambda session: record_alert(session, alert, _provenance_of(alert)))

    async def streams_in_rollout(self) -> frozenset[str]:
        """The streams with a rollout under way."""
        return await self.database.read(rollouts.streams_under_way)

    async def record_statistics(self, block: Statistics, traceparent: str | None = None) -> None:
        """Add a block of outcomes to the evidence of its stream's rollout, which may step or end."""
        provenance = _provenance_of(block, traceparent)
        await self.database.write(lambda session: record_statistics(session, block, provenance))

    async def complete_deletion(self, stream: str, topics: Sequence[str]) -> None:
        """Keep that the topics of a deleted stream are gone."""
        provenance = Provenance(SOURCE, self._now(), None)
        await self.database.write(lambda session: deletions.complete(session, stream, topics, provenance))
        await self.relay.publish_all()

    async def publish_outbox(self) -> None:
        """Publish what transactions left in the outbox.

        Raises:
            TransientError: the log or the database is away.
        """
        await self.relay.publish_all()

    # ---

    async def _execute(self, command: Transaction, context: CommandContext) -> CommandResult:
        key = context.idempotency_key
        provenance = Provenance(context.actor, self._now(), None, context.traceparent)

        def transaction(session: Session) -> CommandResult:
            earlier = idempotency.find_result(session, key) if key else None
            if earlier is not None:
                return earlier
            result = command(session, provenance)
            if key:
                idempotency.save_result(session, key, result, provenance)
            return result

        result = await self.database.write(transaction)
        try:
            await self.relay.publish_all()
        except TransientError as error:
            log.warning("a command was carried out and is published later: %s", error)
        return result

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock() / 1000, UTC)


def _provenance_of(record: ControlRecord, traceparent: str | None = None) -> Provenance:
    return Provenance(SOURCE, record.time, record.id, traceparent)
