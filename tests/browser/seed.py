"""A deployment with something to see on every page: drifts, a proposal, a rollout, a hold, refused and dead records."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from tests.staging.stage import Stage
from tests.staging.traffic import events, send_labelled

DEMO = "credit-risk-1"
PROPOSED, CANARY, HELD, REFUSED = "proposed", "canary", "held", "refused"
RETRAIN = {"first_after": 300}
OBJECTIVE = {"metric": "log_loss"}
LABELLED = 400
LIMIT_S = 180


async def seed(stage: Stage) -> None:
    """Run the demo, and beside it four streams of their own."""
    await stage.repair("demo")
    for begin in (_refuse, _propose, _roll_out, _hold):
        await begin(stage)


async def _propose(stage: Stage) -> None:
    await stage.declare(PROPOSED, objective=OBJECTIVE, retrain=RETRAIN, promotion={"mode": "propose"})
    await send_labelled(stage, PROPOSED, 0, LABELLED, pause_s=0)
    async with asyncio.timeout(LIMIT_S):
        while "waiting" not in (await stage.command("proposals", PROPOSED)).output:  # noqa: ASYNC110 - it is polled
            await asyncio.sleep(1)


async def _roll_out(stage: Stage) -> None:
    await stage.declare(CANARY, objective=OBJECTIVE, retrain=RETRAIN)
    await send_labelled(stage, CANARY, 0, LABELLED, pause_s=0)
    await stage.until_champion(CANARY, 1)
    await stage.repair("rollout", "start", CANARY, "0", "--mode", "ab", "--why", "to see how a constant does")
    await send_labelled(stage, CANARY, LABELLED, LABELLED, pause_s=0)


async def _hold(stage: Stage) -> None:
    await stage.declare(HELD, objective=OBJECTIVE, retrain=RETRAIN)
    await send_labelled(stage, HELD, 0, LABELLED, pause_s=0)
    await stage.until_champion(HELD, 1)
    await stage.repair("rollback", HELD, "--reason", "the audit asked for it")


async def _refuse(stage: Stage) -> None:
    """What a producer that writes the log itself gets wrong: numbers as texts, and what is no record at all."""
    await stage.declare(REFUSED)
    wrong = [_received({"x": f"{n},5"}, n) for n in range(40)] + [_received({"y": 1}, n) for n in range(40, 45)]
    await stage.write(stage.topic(REFUSED, "received"), wrong)
    await stage.write(stage.topic(REFUSED, "received"), [b"not a record"] * 3)
    await stage.send(REFUSED, "events", events(1000, 20))


def _received(data: dict[str, Any], number: int) -> bytes:
    event = {
        "specversion": "1.0", "type": "penstock.event.v1", "source": "/meters", "id": f"w{number}",
        "time": "2026-01-05T00:00:00Z", "data": data,
    }  # fmt: skip
    return msgspec.json.encode(event)
