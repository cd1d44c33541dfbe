"""A run by seed: a plan of steps and faults is drawn first, then carried out, so that a failing one can shrink."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from penstock.bus.errors import TransientError
from penstock.bus.ports import RecordBatch
from penstock.contracts.refusals import Refusal
from penstock.contracts.topics import RECEIVED
from penstock.runtime.log_writer import WriteUnconfirmed
from tests.faults.checker.invariants import violations
from tests.faults.checker.ledger import Answer, Operation
from tests.faults.deployment import DECLARATION, GROUPS, NAMESPACE, START_MS, Deployment, Member
from tests.faults.evidence import ledger_of
from tests.faults.faulty_ports import POINTS, WRITE_FAULTS, Crash

STEPS = 200
SHARED = ("validator", "server", "drift-detector")
WEIGHTS = {"send": 40, "label": 20, "step": 90, "crash": 6, "crash-at": 14, "write-fault": 10, "away": 3, "back": 6,
           "join": 3, "leave": 3, "silence": 3, "clock": 3, "repeat": 6, "conflict": 4, "bad": 4,
           "poison": 3, "late": 4, "ingestion-crash": 3}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step of a plan: what is done, and the number that decides on its details."""

    kind: str
    number: int


@dataclass
class Run:
    """What came of a plan."""

    seed: int
    steps: Sequence[Step]
    violations: dict[str, list[str]]
    reached: dict[str, int] = field(default_factory=dict)
    operations: int = 0

    @property
    def kinds(self) -> Counter[str]:
        """How often each kind of step was made."""
        return Counter(step.kind for step in self.steps)


def plan(seed: int, steps: int = STEPS) -> list[Step]:
    """The steps of a seed."""
    chance = random.Random(seed)
    kinds = chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=steps)
    return [Step(kind, chance.randrange(1 << 30)) for kind in kinds]


async def run_plan(seed: int, steps: Sequence[Step], patch: Callable[[Member], None] = lambda _: None) -> Run:
    """Carry a plan out, heal, and check."""
    deployment = Deployment(patch)
    try:
        await deployment.start()
        simulation = _Simulation(deployment)
        for step in steps:
            await simulation.do(step)
        try:
            await deployment.heal()
        except AssertionError as error:
            return Run(seed, steps, {"I8": [str(error)]}, deployment.reached, len(simulation.operations))
        ledger = await ledger_of(deployment, simulation.operations)
        return Run(seed, steps, violations(ledger), deployment.reached, len(simulation.operations))
    finally:
        deployment.close()


async def shorten(run: Run, patch: Callable[[Member], None] = lambda _: None) -> Run:
    """The shortest plan found that fails alike: pieces are left out, larger ones first."""
    size = len(run.steps) // 2
    while size:
        at = 0
        while at < len(run.steps):
            shorter = await run_plan(run.seed, [*run.steps[:at], *run.steps[at + size :]], patch)
            run, at = (shorter, at) if shorter.violations.keys() & run.violations.keys() else (run, at + size)
        size //= 2
    return run


class _Simulation:
    """Carries steps out."""

    def __init__(self, deployment: Deployment) -> None:
        self.operations: list[Operation] = []
        self._deployment = deployment
        self._sent: list[dict[str, Any]] = []

    async def do(self, step: Step) -> None:
        """Carry one step out."""
        await getattr(self, "_" + step.kind.replace("-", "_"))(random.Random(step.number))

    def _names(self, chance: random.Random) -> str:
        return chance.choice(list(self._deployment.members))

    async def _step(self, chance: random.Random) -> None:
        await self._deployment.step(self._names(chance))

    def _event(self, chance: random.Random, **changes: Any) -> dict[str, Any]:
        number = len(self._sent)
        time = datetime.fromtimestamp(START_MS / 1000, UTC) + timedelta(seconds=number)
        data = {"key": f"k{chance.randrange(4)}", "x": round(chance.random(), 3)}
        return {"specversion": "1.0", "type": "penstock.event.v1", "source": "s", "id": f"e{number}",
                "time": time.isoformat(), "data": data} | changes  # fmt: skip

    async def _send(self, chance: random.Random) -> None:
        for _ in range(chance.randrange(1, 4)):
            self._sent.append(self._event(chance))
            await self._submit(self._sent[-1])

    async def _late(self, chance: random.Random) -> None:
        early = datetime.fromtimestamp(START_MS / 1000, UTC) - timedelta(days=chance.randrange(1, 9))
        self._sent.append(self._event(chance, time=early.isoformat()))
        await self._submit(self._sent[-1])

    async def _repeat(self, chance: random.Random) -> None:
        if self._sent:
            await self._submit(chance.choice(self._sent))

    async def _conflict(self, chance: random.Random) -> None:
        if self._sent:
            event = chance.choice(self._sent)
            await self._submit(event | {"data": event["data"] | {"x": 1 + round(chance.random(), 3)}})

    async def _bad(self, chance: random.Random) -> None:
        bad: list[dict[str, Any]] = [{"time": "2126-01-01T00:00:00Z"}, {"data": {"key": "k1", "x": -1}}, {"data": 7}]
        await self._submit(self._event(chance, id=f"bad{chance.random()}") | chance.choice(bad))

    async def _poison(self, chance: random.Random) -> None:
        topic, value = RECEIVED.name(NAMESPACE, DECLARATION.name), chance.choice([None, b"\x00\xff", b"\x00" * 9])
        self._deployment.log.append([RecordBatch.single(topic, chance.randrange(2), b"k", value)])

    async def _label(self, chance: random.Random) -> None:
        for event in chance.sample(self._sent, min(8, len(self._sent))):
            data = {"event_id": event["id"], "event_source": "s", "value": "yes" if event["data"]["x"] > 0.5 else "no",
                    "entity": event["data"]["key"]}  # fmt: skip
            label = event | {"type": "penstock.label.v1", "id": "l" + event["id"], "data": data}
            await self._answer("label", json.dumps(label).encode())

    async def _submit(self, event: dict[str, Any]) -> None:
        body = json.dumps(event, separators=(",", ":")).encode()
        entity = event["data"]["key"] if isinstance(event["data"], dict) else ""
        self.operations.append(Operation(event["id"], entity, body, await self._answer("event", body)))

    async def _answer(self, kind: Any, body: bytes) -> Answer:
        try:
            (verdict,) = await self._deployment.intake.submit(DECLARATION.name, kind, [body])
        except (WriteUnconfirmed, TransientError, Crash):
            if self._deployment.intake_life.over:
                await self._restart_ingestion()
            return "info"
        return "fail" if isinstance(verdict, Refusal) else "ok"

    async def _restart_ingestion(self) -> None:
        away, self._deployment.log.away = self._deployment.log.away, False
        await self._deployment.start_ingestion()
        self._deployment.log.away = away

    async def _ingestion_crash(self, chance: random.Random) -> None:
        self._deployment.intake_life.crash_at = chance.choice(POINTS[:3])

    async def _crash(self, chance: random.Random) -> None:
        await self._deployment.crash(self._names(chance))

    async def _crash_at(self, chance: random.Random) -> None:
        name = self._names(chance)
        self._deployment.members[name].life.crash_at = chance.choice(POINTS)
        await self._deployment.step(name)

    async def _write_fault(self, chance: random.Random) -> None:
        lives = [member.life for member in self._deployment.members.values()] + [self._deployment.intake_life]
        chance.choice(lives).write_fault = chance.choice(WRITE_FAULTS)

    async def _away(self, _: random.Random) -> None:
        self._deployment.log.away = True

    async def _back(self, _: random.Random) -> None:
        self._deployment.log.away = False

    async def _join(self, chance: random.Random) -> None:
        group = chance.choice(SHARED)
        if f"{group}-2" not in self._deployment.members:
            self._deployment.start_member(group, f"{group}-2")
            await self._deployment.step(f"{group}-2")

    async def _leave(self, chance: random.Random) -> None:
        member = self._deployment.members.pop(f"{chance.choice(SHARED)}-2", None)
        if member is not None:
            try:
                await member.worker.close()
            except (TransientError, Crash):
                await member.bury()

    async def _silence(self, chance: random.Random) -> None:
        for source in self._deployment.members[chance.choice(GROUPS)].log.sources:
            if source.member in source.member._group.members:
                try:
                    await source.member.expire_session()
                except (TransientError, Crash):
                    return

    async def _clock(self, chance: random.Random) -> None:
        self._deployment.clock.advance_to(self._deployment.clock() + chance.randrange(60_000))
