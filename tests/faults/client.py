"""Who uses the deployment: sends events and labels, gives commands, and writes down what was answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from penstock.bus.errors import TransientError
from penstock.contracts.refusals import Refusal
from penstock.registry.command_context import CommandContext, IdempotencyKey
from penstock.registry.command_results import CommandRefused, CommandResult
from penstock.registry.use_cases.registry import Registry
from penstock.runtime.log_writer import WriteUnconfirmed
from tests.faults.checker.ledger import Answer, CommandRow
from tests.faults.declaration import STREAM
from tests.faults.deployment import Deployment
from tests.faults.life import Crash
from tests.faults.producer import Kind, Producer

Give = Callable[[Registry, CommandContext], Awaitable[CommandResult]]


class Client:
    """`producer` sends events and labels to this deployment's intake."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.producer = Producer(self._submit)
        self.commands: list[CommandRow] = []

    async def _submit(self, kind: Kind, body: bytes) -> Answer:
        try:
            (verdict,) = await self.deployment.intake.submit(STREAM, kind, [body])
        except (WriteUnconfirmed, TransientError, Crash):
            if self.deployment.intake_life.over:
                await self.deployment.start_ingestion()
            return "info"
        return "fail" if isinstance(verdict, Refusal) else "ok"

    async def command(self, key: str, expected_epoch: int | None, give: Give) -> CommandRow:
        """Give a command under a key, and write down what came of it."""
        context = CommandContext(idempotency_key=IdempotencyKey(key, key))
        answer: Answer = "ok"
        result = None
        try:
            result = await give(self.deployment.registry, context)
        except CommandRefused:
            answer = "fail"
        except (TransientError, Crash):
            answer = "info"
        epoch, version, status = (result.epoch, result.model, result.status) if result else (None, None, "")
        row = CommandRow(key, answer, expected_epoch, status, epoch, version)
        self.commands.append(row)
        return row

    async def bury_registry(self) -> None:
        """Start the registry again if a command met its end."""
        if self.deployment.members["registry"].life.over:
            await self.deployment.crash("registry")
