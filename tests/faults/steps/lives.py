"""Lives of services: a step of work, a crash, a member more or less, a write that fails, the log or the clock."""

from __future__ import annotations

from random import Random

from penstock.bus.errors import TransientError
from tests.faults.client import Client
from tests.faults.deployment import GROUPS
from tests.faults.life import POINTS, WRITE_FAULTS, Crash
from tests.faults.steps.step import Kind

SHARED = ("validator", "server", "drift-detector")


def _any_member(client: Client, chance: Random) -> str:
    return chance.choice(list(client.deployment.members))


async def _step(client: Client, chance: Random) -> None:
    await client.deployment.step(_any_member(client, chance))


async def _crash(client: Client, chance: Random) -> None:
    await client.deployment.crash(_any_member(client, chance))


async def _crash_at(client: Client, chance: Random) -> None:
    name = _any_member(client, chance)
    life = client.deployment.members[name].life
    life.crash_at = chance.choice(POINTS[life.name])
    await client.deployment.step(name)


async def _ingestion_crash(client: Client, chance: Random) -> None:
    client.deployment.intake_life.crash_at = chance.choice(POINTS["ingestion"])


async def _write_fault(client: Client, chance: Random) -> None:
    lives = [member.life for member in client.deployment.members.values()] + [client.deployment.intake_life]
    chance.choice(lives).write_fault = chance.choice(WRITE_FAULTS)


async def _away(client: Client, _: Random) -> None:
    client.deployment.log.away = True


async def _back(client: Client, _: Random) -> None:
    client.deployment.log.away = False


async def _join(client: Client, chance: Random) -> None:
    group = chance.choice(SHARED)
    if f"{group}-2" not in client.deployment.members:
        client.deployment.start_member(group, f"{group}-2")
        await client.deployment.step(f"{group}-2")


async def _leave(client: Client, chance: Random) -> None:
    member = client.deployment.members.pop(f"{chance.choice(SHARED)}-2", None)
    if member is not None:
        try:
            await member.worker.close()
        except (TransientError, Crash):
            await member.bury()


async def _silence(client: Client, chance: Random) -> None:
    try:
        await client.deployment.members[chance.choice(GROUPS)].expire_session()
    except (TransientError, Crash):
        return


async def _clock(client: Client, chance: Random) -> None:
    clock = client.deployment.clock
    clock.advance_to(clock() + chance.randrange(60_000))


LIVES = {
    "step": Kind(_step, 90),
    "crash": Kind(_crash, 6),
    "crash-at": Kind(_crash_at, 16),
    "ingestion-crash": Kind(_ingestion_crash, 3),
    "write-fault": Kind(_write_fault, 10),
    "away": Kind(_away, 3),
    "back": Kind(_back, 6),
    "join": Kind(_join, 3),
    "leave": Kind(_leave, 3),
    "silence": Kind(_silence, 3),
    "clock": Kind(_clock, 3),
}
