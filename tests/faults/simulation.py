"""A run by seed: a plan of steps and faults is drawn first, then carried out, so that a failing one can shrink."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from tests.faults.checker.invariants import violations
from tests.faults.client import Client
from tests.faults.deployment import Deployment, Patch, no_bug
from tests.faults.ledger_rows import ledger_of
from tests.faults.simulated_evidence import evidence_of
from tests.faults.steps.events import EVENTS
from tests.faults.steps.labels import LABELS
from tests.faults.steps.lives import LIVES
from tests.faults.steps.log_faults import LOG_FAULTS
from tests.faults.steps.models import MODELS
from tests.faults.steps.step import Kind, Step

STEPS = 200
LOG_FAULTS_EVERY = 4  # of so many seeds one has faults inside the log: what these lose, no other fault can lose

ALL_KINDS: Mapping[str, Kind] = EVENTS | LABELS | LIVES | MODELS | LOG_FAULTS


@dataclass
class Run:
    """What came of a plan. `counts` are what the run saw: operations, epochs, training runs, gaps that were told."""

    seed: int
    steps: Sequence[Step]
    violations: dict[str, list[str]]
    reached: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def kinds(self) -> Counter[str]:
        """How often each kind of step was made."""
        return Counter(step.kind for step in self.steps)


def plan(seed: int, times: Mapping[str, int] = MappingProxyType({})) -> list[Step]:
    """The steps of a seed; `times` are factors for kinds that are to come more often."""
    chance = random.Random(seed)
    kinds = ALL_KINDS if seed % LOG_FAULTS_EVERY == LOG_FAULTS_EVERY - 1 else EVENTS | LABELS | LIVES | MODELS
    weights = [kind.weight * times.get(name, 1) for name, kind in kinds.items()]
    return [Step(name, chance.randrange(1 << 30)) for name in chance.choices(list(kinds), weights, k=STEPS)]


async def run_plan(seed: int, steps: Sequence[Step], patch: Patch = no_bug) -> Run:
    """Carry a plan out, heal, and check."""
    deployment = Deployment(seed, patch)
    try:
        await deployment.start()
        client = Client(deployment)
        for step in steps:
            await ALL_KINDS[step.kind].do(client, random.Random(step.number))
        try:
            await deployment.heal()
        except AssertionError as error:
            return Run(seed, steps, {"I8": [str(error)]}, deployment.reached)
        ledger = await ledger_of(evidence_of(client))
        return Run(seed, steps, violations(ledger), deployment.reached, ledger.counts)
    finally:
        deployment.close()


async def shorten(run: Run, patch: Patch = no_bug) -> Run:
    """The shortest plan found that fails alike: pieces are left out, larger ones first."""
    size = len(run.steps) // 2
    while size:
        at = 0
        while at < len(run.steps):
            shorter = await run_plan(run.seed, [*run.steps[:at], *run.steps[at + size :]], patch)
            run, at = (shorter, at) if shorter.violations.keys() & run.violations.keys() else (run, at + size)
        size //= 2
    return run


def steps_of(text: str) -> list[Step]:
    """The steps of a plan as `failure_text` writes it."""
    pairs = (step.rsplit(":", 1) for step in text.split(", "))
    return [Step(kind, int(number)) for kind, number in pairs]


def failure_text(run: Run) -> str:
    """What a failing run violates, how to run it alone, and its shortest plan."""
    steps = ", ".join(f"{step.kind}:{step.number}" for step in run.steps)
    return f"seed {run.seed} violates {run.violations}; alone: make faults FIRST={run.seed} SEEDS=1; shortest: {steps}"
