"""Models: a training is asked for, versions are promoted at the same time, rolled back, rolled out; bytes go bad."""

from __future__ import annotations

import asyncio
from random import Random

from penstock.contracts.topics import OUTCOMES
from penstock.registry.command_context import CommandContext
from penstock.registry.command_results import CommandResult
from penstock.registry.db import streams, versions
from penstock.registry.use_cases.model_commands import Promotion, Rollback
from penstock.registry.use_cases.registry import Registry
from penstock.registry.use_cases.rollout_commands import RolloutAction, RolloutStart
from tests.faults.client import Client, Give
from tests.faults.declaration import NAMESPACE, STREAM
from tests.faults.steps.step import Kind
from tests.faults.training import trained_models

ACTIONS: tuple[RolloutAction, ...] = ("pause", "resume", "abort", "promote")


async def _known(client: Client) -> tuple[int, list[int]]:
    """What a client reads before it gives a command: the epoch, and the versions."""
    return await client.deployment.registry.database.read(
        lambda session: (
            streams.find(session, STREAM).epoch,
            [row.version for row in versions.all_of(session, STREAM)],
        )
    )


async def _digests(client: Client) -> list[str]:
    return await client.deployment.registry.database.read(
        lambda session: [versions.model_of(row).digest for row in versions.all_of(session, STREAM)]
    )


async def _give(client: Client, chance: Random, give: Give, expected_epoch: int | None = None) -> None:
    """Give a command; where its outcome is unknown, mostly once more under the same key."""
    key, persists = f"key-{chance.random()}", chance.random() < 0.8
    row = await client.command(key, expected_epoch, give)
    await client.bury_registry()
    if row.answer == "info" and persists:
        await client.command(key, expected_epoch, give)
        await client.bury_registry()


async def _train(client: Client, chance: Random) -> None:
    topic = client.deployment.log.partition((OUTCOMES.name(NAMESPACE, STREAM), 0))
    outcomes = topic.end if topic is not None else 0

    async def announce(registry: Registry, context: CommandContext) -> CommandResult:
        return await registry.announce_import(STREAM, outcomes, context=context)

    async def train(registry: Registry, context: CommandContext) -> CommandResult:
        return await registry.request_training(STREAM, context=context)

    if outcomes:
        await _give(client, chance, announce)
        await _give(client, chance, train)


async def _promote(client: Client, chance: Random) -> None:
    """Two at a time, of the epoch that both have read, or of one before it."""
    epoch, known = await _known(client)
    expected = max(0, epoch - (chance.random() < 0.2))
    await asyncio.gather(*(_promote_one(client, chance, chance.choice(known), expected) for _ in range(2)))


async def _promote_one(client: Client, chance: Random, version: int, expected: int) -> None:
    async def promote(registry: Registry, context: CommandContext) -> CommandResult:
        return await registry.promote(STREAM, Promotion(version, expected), context)

    await _give(client, chance, promote, expected)


async def _roll_back(client: Client, chance: Random) -> None:
    async def roll_back(registry: Registry, context: CommandContext) -> CommandResult:
        return await registry.roll_back(STREAM, Rollback(), context)

    await _give(client, chance, roll_back)


async def _roll_out(client: Client, chance: Random) -> None:
    _, known = await _known(client)
    version, action, starts = chance.choice(known), chance.choice(ACTIONS), chance.random() < 0.5

    async def roll_out(registry: Registry, context: CommandContext) -> CommandResult:
        if starts:
            return await registry.start_rollout(STREAM, RolloutStart((version,), "canary", (0.5,)), context)
        return await registry.control_rollout(STREAM, action, context=context)

    await _give(client, chance, roll_out)


async def _damage(client: Client, chance: Random) -> None:
    """The package of a model goes bad in the store: a bit, its end, or all of it for another's."""
    store, damaged = client.deployment.store, client.deployment.damaged
    digest, other = chance.choice(await _digests(client)), chance.choice(trained_models()[0]).digest
    content = damaged.setdefault(digest, store.contents[digest])
    at = chance.randrange(len(content))
    flipped = content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]
    store.contents[digest] = chance.choice((flipped, content[:at], damaged.get(other, store.contents[other])))


MODELS = {
    "train": Kind(_train, 6),
    "promote": Kind(_promote, 5),
    "roll-back": Kind(_roll_back, 3),
    "roll-out": Kind(_roll_out, 3),
    "damage": Kind(_damage, 2),
}
